//! Header fields as they stand, and what the known ones mean.

use offhook::core::message::{
    CSeq, Challenge, ContactValue, Fields, Host, Item, Name, NameAddrRef, Params, ParseError, UriRef, Via,
};
use serde_json::{Map, Value, json};

use super::report::{Header, place_in};

/// All header fields in order; each value that is known stands with the line it was read from.
pub(super) fn read(fields: &Fields, errors: &mut Vec<ParseError>) -> Vec<Header> {
    let mut names: Vec<Name> = vec![Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
    let mut headers = Vec::new();
    let mut ends = Vec::new();
    for (name, value) in fields.iter() {
        let known = Name::parse(name);
        if !names.contains(&known) {
            names.push(known);
        }
        ends.push((known, place_in(fields, value) + value.len()));
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        headers.push(Header { name: text(name), value: text(value), parsed: Vec::new() });
    }
    for name in names {
        for (start, value) in meaning(fields, name, errors) {
            let line = ends.iter().position(|(known, end)| *known == name && start.is_none_or(|start| start <= *end));
            if let Some(header) = line.and_then(|line| headers.get_mut(line)) {
                header.parsed.push(value);
            }
        }
    }
    headers
}

/// A value, and where it starts in the message if it tells.
type Meaning = (Option<usize>, Value);

/// What a header field says, over all its lines.
fn meaning(fields: &Fields, name: Name, errors: &mut Vec<ParseError>) -> Vec<Meaning> {
    let mut found = Vec::new();
    let at = |part: &str| Some(place_in(fields, part.as_bytes()));
    match name {
        Name::Via => {
            for via in fields.vias() {
                found.extend(good(via, errors).map(|via| (at(via.as_str()), self::via(&via))));
            }
            found.is_empty().then(|| good(fields.via(), errors));
        }
        Name::From => found.extend(good(fields.from(), errors).map(|from| (None, address(&from, errors)))),
        Name::To => found.extend(good(fields.to(), errors).map(|to| (None, address(&to, errors)))),
        Name::CallId => found.extend(good(fields.call_id(), errors).map(|id| (None, id.into()))),
        Name::CSeq => found.extend(good(fields.cseq(), errors).map(|cseq| (None, self::cseq(&cseq)))),
        Name::RAck => found.extend(
            good(fields.rack(), errors).map(|rack| (None, json!({ "rseq": rack.rseq, "cseq": cseq(&rack.cseq) }))),
        ),
        Name::ReferTo | Name::ReferredBy | Name::ReplyTo => {
            let value = good(fields.address(name), errors).flatten();
            found.extend(value.map(|value| (None, address(&value, errors))));
        }
        Name::Contact => {
            for contact in fields.contacts() {
                match good(contact, errors) {
                    Some(ContactValue::Address(value)) => found.push((at(value.as_str()), address(&value, errors))),
                    Some(ContactValue::Star) => found.push((None, "*".into())),
                    None => {}
                }
            }
        }
        Name::Route
        | Name::RecordRoute
        | Name::Path
        | Name::ServiceRoute
        | Name::PAssertedIdentity
        | Name::PPreferredIdentity
        | Name::PAssociatedUri
        | Name::RemotePartyId
        | Name::Diversion
        | Name::HistoryInfo => {
            for value in fields.addresses(name) {
                found.extend(good(value, errors).map(|value| (at(value.as_str()), address(&value, errors))));
            }
        }
        Name::MaxForwards
        | Name::Expires
        | Name::MinExpires
        | Name::ContentLength
        | Name::RSeq
        | Name::RetryAfter
        | Name::FlowTimer => {
            found.extend(good(fields.number(name), errors).flatten().map(|number| (None, number.into())));
        }
        Name::Allow | Name::Supported | Name::Require | Name::ProxyRequire | Name::Unsupported => {
            found.extend(fields.tokens(name).map(|token| (at(token), token.into())));
        }
        Name::Accept | Name::Reason | Name::AllowEvents | Name::AcceptEncoding | Name::AcceptLanguage => {
            found.extend(fields.items(name).map(|item| (at(item.value), self::item(&item))));
        }
        Name::Event
        | Name::SubscriptionState
        | Name::SessionExpires
        | Name::MinSe
        | Name::ContentType
        | Name::ContentDisposition => found.extend(fields.item(name).map(|item| (None, self::item(&item)))),
        Name::Replaces | Name::Join | Name::TargetDialog => {
            let value = good(fields.replaces(name), errors).flatten();
            found.extend(value.map(|value| {
                let early = value.early_only;
                let tags = (value.to_tag, value.from_tag);
                (None, json!({ "callId": value.call_id, "toTag": tags.0, "fromTag": tags.1, "earlyOnly": early }))
            }));
        }
        Name::WwwAuthenticate | Name::ProxyAuthenticate | Name::Authorization | Name::ProxyAuthorization => {
            for value in fields.challenges(name) {
                found.extend(good(value, errors).map(|value| (at(value.scheme), challenge(&value))));
            }
        }
        _ => {}
    }
    found
}

fn good<T>(result: Result<T, ParseError>, errors: &mut Vec<ParseError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn via(via: &Via<'_>) -> Value {
    json!({ "transport": via.transport, "host": host(&via.host), "port": via.port, "params": params(&via.params) })
}

fn cseq(cseq: &CSeq) -> Value {
    json!({ "number": cseq.number, "method": cseq.method.as_str() })
}

fn item(item: &Item<'_>) -> Value {
    json!({ "value": item.value, "params": params(&item.params) })
}

fn challenge(challenge: &Challenge<'_>) -> Value {
    let names = challenge.params().iter().map(|(name, _)| name);
    let params: Map<_, _> =
        names.map(|name| (name.to_owned(), challenge.param(name).unwrap_or_default().into())).collect();
    json!({ "scheme": challenge.scheme, "params": params })
}

fn address(address: &NameAddrRef<'_>, errors: &mut Vec<ParseError>) -> Value {
    json!({
        "displayName": address.display_name(),
        "uri": uri(address.uri_text(), address.uri(), errors),
        "params": params(&address.params),
    })
}

/// A URI as written, and taken apart if that can be done.
pub(super) fn uri(text: &str, parts: Result<UriRef<'_>, ParseError>, errors: &mut Vec<ParseError>) -> Value {
    match good(parts, errors) {
        Some(UriRef::Sip(sip)) => json!({
            "text": text,
            "scheme": if sip.secure { "sips" } else { "sip" },
            "user": sip.user,
            "password": sip.password,
            "host": host(&sip.host),
            "port": sip.port,
            "params": params(&sip.params),
            "headers": sip.headers,
        }),
        Some(UriRef::Tel { number, params: found }) => {
            json!({ "text": text, "scheme": "tel", "number": number, "params": params(&found) })
        }
        Some(UriRef::Other { scheme, .. }) => json!({ "text": text, "scheme": scheme }),
        _ => json!({ "text": text }),
    }
}

fn host(host: &Host<'_>) -> Value {
    match host {
        Host::Name(name) => (*name).into(),
        Host::V4(ip) => ip.to_string().into(),
        Host::V6(ip) => ip.to_string().into(),
    }
}

/// Parameters by name; one without a value is `true`.
fn params(params: &Params<'_>) -> Value {
    params.iter().map(|(name, value)| (name.to_owned(), value.map_or(Value::Bool(true), Value::from))).collect()
}
