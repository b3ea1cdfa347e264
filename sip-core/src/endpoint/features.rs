//! What a Contact says beside the address (RFC 3840): that somebody is the focus of a conference, plays no media of their own
//! making, and so on. It goes with a call, since that is what it is about.

use super::callee::GONE;
use super::outgoing::Purpose;
use super::sips::wants_sips;
use super::{CallId, Endpoint, Error};
use crate::arena::Key;
use crate::message::{Builder, Fields, Name, Request};
use crate::transport::Path;

/// Feature parameters: names, and values where there are any. `isfocus`, `+sip.rendering="no"`.
pub type Features = Vec<(String, Option<String>)>;

/// Parameters of a Contact that are no features.
const OTHERS: [&str; 9] =
    ["expires", "q", "reg-id", "+sip.instance", "pub-gruu", "temp-gruu", "temp-gruu-cookie", "+sip.pnsreg", "+sip.reg"];

/// How many features of the other side are kept.
const LIMIT: usize = 32;

impl Endpoint {
    /// What this side's Contact says of it in a call from now on: its next request or response there, e.g. the re-INVITE
    /// that makes it the focus of a conference (RFC 4579 5.1).
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the call is over, [`Error::Input`] for features that cannot be written.
    pub fn set_features(&mut self, call: CallId, features: &[(String, Option<String>)]) -> Result<(), Error> {
        let features = written(features)?;
        let entry = self.calls.get_mut(call.0).ok_or(GONE)?;
        entry.features = features;
        Ok(())
    }

    /// The same for a request of ours.
    pub(super) fn features_for(&self, purpose: Purpose) -> &str {
        let call = match purpose {
            Purpose::Invite(call) | Purpose::Reinvite(call) | Purpose::Update(call, _) => self.calls.get(call),
            _ => None,
        };
        call.map_or("", |call| &call.features)
    }

    /// Our Contact in a response about a call.
    pub(super) fn push_call_contact(&self, builder: &mut Builder, request: &Request, source: Path, call: Key) {
        let features = self.calls.get(call).map_or("", |call| &*call.features);
        let hidden = request.to().is_ok_and(|to| Endpoint::is_hidden(to.as_str()));
        builder.parts(Name::Contact, &["<", &self.contact_uri(source, wants_sips(request), hidden), ">", features]);
    }
}

/// As they stand behind the address.
pub(super) fn written(features: &[(String, Option<String>)]) -> Result<Box<str>, Error> {
    let mut text = String::new();
    for (name, value) in features {
        let bare = name.strip_prefix('+').unwrap_or(name);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_`'~".contains(&byte);
        if bare.is_empty() || !bare.bytes().all(is_token) || !is_feature(name) {
            return Err(Error::input(
                "features",
                0,
                "the name of a feature is a token, e.g. isfocus or +sip.rendering",
            ));
        }
        text.push(';');
        text.push_str(name);
        if let Some(value) = value {
            if let Some(offset) = value.find(|character: char| character.is_control() || "\"\\".contains(character)) {
                return Err(Error::input("features", offset, "this cannot stand in the value of a feature"));
            }
            text.push_str("=\"");
            text.push_str(value);
            text.push('"');
        }
    }
    Ok(text.into())
}

fn is_feature(name: &str) -> bool {
    !OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// What the other side's Contact says of it; `None` where there is no Contact, which changes nothing.
pub(super) fn features_of(fields: &Fields) -> Option<Features> {
    // Most say nothing, which is seen without reading the address.
    if fields.raw(Name::Contact).next()?.ends_with(b">") {
        return Some(Features::new());
    }
    let contact = fields.addresses(Name::Contact).next()?.ok()?;
    let features = contact.params.iter().filter(|(name, _)| is_feature(name));
    let read =
        |(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(|value| value.trim_matches('"').to_owned()));
    Some(features.take(LIMIT).map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_names_and_quoted_values() {
        let features = [("isfocus".to_owned(), None), ("+sip.rendering".to_owned(), Some("no".to_owned()))];
        assert_eq!(written(&features).as_deref(), Ok(";isfocus;+sip.rendering=\"no\""));
        for (name, value) in
            [("", None), ("+", None), ("a b", None), ("expires", Some("1")), ("a", Some("\"")), ("a", Some("\r\n"))]
        {
            let features = [(name.to_owned(), value.map(str::to_owned))];
            assert!(matches!(written(&features), Err(Error::Input { .. })), "{name} {value:?}");
        }
    }
}
