//! Every header field the message layer has a type for: made up, written, and held against what is read.

use std::time::Duration;

use offhook_core::message::{
    Builder, ContactValue, Date, EndReason, Fields, Method, Name, Priority, ReferTarget, Refresher, SessionExpires,
    StatusCode, SubscriptionPhase, SubscriptionStateRef, TargetKind, Timestamp, Uri, reason_value,
};
use proptest::prelude::*;

use super::person::{Person, check_params, host, person};
use super::text::{line, params, quoted, token, visible, word, words};

type Params = Vec<(String, Option<String>)>;
/// The address, its index, and how it was found from which.
type Entry = (Person, Vec<u32>, Option<(TargetKind, u32)>);

#[derive(Clone, Debug)]
pub(crate) enum Field {
    Vias(Vec<(String, String, Option<u16>, String, Params)>),
    Address(Name, Person),
    Addresses(Name, Vec<Person>),
    /// None is the star.
    Contacts(Vec<Option<Person>>),
    CallId(String),
    CSeq(u32, Method),
    RAck(u32, u32, Method),
    Number(Name, u32),
    Dialog(Name, String, String, String, bool),
    Tokens(Name, Vec<String>),
    Item(Name, String, Params),
    Event(String, String),
    State(SubscriptionStateRef<'static>),
    SessionExpires(SessionExpires),
    Reasons(Vec<(String, u32, Option<String>)>),
    Challenges(Name, Vec<(String, Vec<(String, String)>)>),
    Info(Name, Vec<(String, String)>),
    Warnings(Vec<(u16, String, String)>),
    RetryAfter(u32, Option<String>, Option<u32>),
    Date(u32),
    ReferTo(ReferTarget),
    ReferredBy(Person, Option<String>),
    History(Vec<Entry>),
    Diversions(Vec<(Person, String, u32, bool)>),
    Privacy([bool; 7]),
    UserToUser(Vec<Result<Vec<u8>, String>>),
    ReferSub(bool),
    Preferences(Name, Vec<(String, u16)>),
    InReplyTo(Vec<String>),
    MimeVersion(u32, u32),
    Timestamp(Timestamp),
    Priority(Priority<'static>),
    Text(Name, String),
}

const PRIVACY: [&str; 7] = ["header", "session", "user", "none", "critical", "id", "history"];

fn joined<T>(values: &[T], write: impl Fn(&T) -> String) -> String {
    values.iter().map(write).collect::<Vec<_>>().join(", ")
}

fn with_params(value: &str, params: &Params) -> String {
    let mut text = value.to_owned();
    for (name, value) in params {
        text += &format!(";{name}");
        if let Some(value) = value {
            text += &format!("={}", quoted(value));
        }
    }
    text
}

fn auth_params(params: &[(String, String)]) -> String {
    params.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect::<Vec<_>>().join(", ")
}

impl Field {
    /// The name and the value as the message layer, or else this test, writes it.
    pub(crate) fn text(&self) -> (Name, String) {
        match self {
            Field::Vias(vias) => (
                Name::Via,
                joined(vias, |(transport, host, port, branch, params)| {
                    let port = port.map_or(String::new(), |port| format!(":{port}"));
                    with_params(&format!("SIP/2.0/{transport} {host}{port};branch=z9hG4bK{branch};rport"), params)
                }),
            ),
            Field::Address(name, person) => (*name, person.write().to_string()),
            Field::Addresses(name, people) => (*name, joined(people, |person| person.write().to_string())),
            Field::Contacts(contacts) => (
                Name::Contact,
                joined(contacts, |contact| {
                    contact.as_ref().map_or("*".to_owned(), |person| person.write().to_string())
                }),
            ),
            Field::CallId(id) => (Name::CallId, id.clone()),
            Field::CSeq(number, method) => (Name::CSeq, format!("{number} {method}")),
            Field::RAck(rseq, number, method) => (Name::RAck, format!("{rseq} {number} {method}")),
            Field::Number(name, number) => (*name, number.to_string()),
            Field::Dialog(name, call_id, to, from, early) => {
                let [to_name, from_name] =
                    if *name == Name::TargetDialog { ["local-tag", "remote-tag"] } else { ["to-tag", "from-tag"] };
                let early = if *early { ";early-only" } else { "" };
                (*name, format!("{call_id};{to_name}={to};{from_name}={from}{early}"))
            }
            Field::Tokens(name, tokens) => (*name, tokens.join(", ")),
            Field::Item(name, value, params) => (*name, with_params(value, params)),
            Field::Event(package, id) => (Name::Event, format!("{package};id={id}")),
            Field::State(state) => (Name::SubscriptionState, state.to_string()),
            Field::SessionExpires(expires) => (Name::SessionExpires, expires.to_string()),
            Field::Reasons(reasons) => (
                Name::Reason,
                joined(reasons, |(protocol, cause, words)| reason_value(protocol, *cause, words.as_deref())),
            ),
            Field::Challenges(name, challenges) => {
                (*name, joined(challenges, |(scheme, params)| format!("{scheme} {}", auth_params(params))))
            }
            Field::Info(name, params) => (*name, auth_params(params)),
            Field::Warnings(warnings) => {
                (Name::Warning, joined(warnings, |(code, agent, words)| format!("{code} {agent} {}", quoted(words))))
            }
            Field::RetryAfter(seconds, comment, duration) => {
                let comment = comment.as_ref().map_or(String::new(), |comment| format!(" ({comment})"));
                let duration = duration.map_or(String::new(), |duration| format!(";duration={duration}"));
                (Name::RetryAfter, format!("{seconds}{comment}{duration}"))
            }
            Field::Date(seconds) => (Name::Date, Date::from_unix_seconds(u64::from(*seconds) * 40).to_string()),
            Field::ReferTo(target) => (Name::ReferTo, target.to_string()),
            Field::ReferredBy(person, cid) => {
                let with = cid.as_ref().map_or(person.clone(), |cid| person.clone().with("cid", cid));
                (Name::ReferredBy, with.write().to_string())
            }
            Field::History(entries) => (
                Name::HistoryInfo,
                joined(entries, |(person, index, found)| {
                    let person = person.clone().with("index", &dotted(index));
                    let person = match found {
                        Some((kind, from)) => person.with(kind_name(*kind), &from.to_string()),
                        None => person,
                    };
                    person.write().to_string()
                }),
            ),
            Field::Diversions(diversions) => (
                Name::Diversion,
                joined(diversions, |(person, reason, counter, private)| {
                    let person = person.clone().with("reason", reason).with("counter", &counter.to_string());
                    person.with("privacy", if *private { "full" } else { "off" }).write().to_string()
                }),
            ),
            Field::Privacy(flags) => {
                let names = PRIVACY.iter().zip(flags).filter(|(_, flag)| **flag).map(|(name, _)| *name);
                (Name::Privacy, names.collect::<Vec<_>>().join(";"))
            }
            Field::UserToUser(values) => (
                Name::UserToUser,
                joined(values, |value| match value {
                    Ok(octets) => {
                        let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
                        format!("{hex};encoding=hex;purpose=isdn-uui")
                    }
                    Err(words) => format!("{};purpose=x", quoted(words)),
                }),
            ),
            Field::ReferSub(wanted) => (Name::ReferSub, wanted.to_string()),
            Field::Preferences(name, values) => (
                *name,
                joined(values, |(value, quality)| format!("{value};q={}.{:03}", quality / 1000, quality % 1000)),
            ),
            Field::InReplyTo(ids) => (Name::InReplyTo, ids.join(", ")),
            Field::MimeVersion(major, minor) => (Name::MimeVersion, format!("{major}.{minor}")),
            Field::Timestamp(timestamp) => (Name::Timestamp, timestamp.to_string()),
            Field::Priority(priority) => (Name::Priority, priority.as_str().into()),
            Field::Text(name, text) => (*name, text.clone()),
        }
    }

    pub(crate) fn write(&self, builder: &mut Builder) {
        let (name, value) = self.text();
        builder.header(name, &value);
    }

    /// What is read is what was put in.
    pub(crate) fn check(&self, fields: &Fields) {
        match self {
            Field::Vias(vias) => {
                assert_eq!(fields.vias().count(), vias.len());
                for (via, (transport, host, port, branch, params)) in fields.vias().zip(vias) {
                    let via = via.unwrap();
                    assert_eq!((via.transport, via.host.to_string(), via.port), (&**transport, host.clone(), *port));
                    assert_eq!(via.rfc3261_branch(), Some(&*format!("z9hG4bK{branch}")));
                    assert_eq!(via.rport(), Some(None));
                    check_params(&via.params, params);
                }
            }
            Field::Address(Name::From, person) => person.check(&fields.from().unwrap()),
            Field::Address(Name::To, person) => person.check(&fields.to().unwrap()),
            Field::Address(name, person) => person.check(&fields.address(*name).unwrap().unwrap()),
            Field::Addresses(name, people) => {
                let found: Vec<_> = fields.addresses(*name).map(Result::unwrap).collect();
                assert_eq!(found.len(), people.len());
                people.iter().zip(&found).for_each(|(person, found)| person.check(found));
            }
            Field::Contacts(contacts) => {
                assert_eq!(fields.contacts().count(), contacts.len());
                for (found, contact) in fields.contacts().zip(contacts) {
                    match (found.unwrap(), contact) {
                        (ContactValue::Star, None) => {}
                        (ContactValue::Address(found), Some(person)) => person.check(&found),
                        (found, contact) => panic!("{contact:?} became {found:?}"),
                    }
                }
            }
            Field::CallId(id) => assert_eq!(fields.call_id(), Ok(&**id)),
            Field::CSeq(number, method) => {
                let cseq = fields.cseq().unwrap();
                assert_eq!((cseq.number, &cseq.method), (*number, method));
            }
            Field::RAck(rseq, number, method) => {
                let rack = fields.rack().unwrap();
                assert_eq!((rack.rseq, rack.cseq.number, &rack.cseq.method), (*rseq, *number, method));
            }
            Field::Number(name, number) => assert_eq!(fields.number(*name), Ok(Some(*number))),
            Field::Dialog(name, call_id, to, from, early) => {
                let found = fields.replaces(*name).unwrap().unwrap();
                assert_eq!((found.call_id, found.to_tag, found.from_tag), (&**call_id, &**to, &**from));
                assert_eq!(found.early_only, *early);
            }
            Field::Tokens(name, tokens) => assert_eq!(fields.tokens(*name).collect::<Vec<_>>(), *tokens),
            Field::Item(name, value, params) => {
                let item = fields.item(*name).unwrap();
                assert_eq!(item.value, value);
                check_params(&item.params, params);
            }
            Field::Event(package, id) => {
                let event = fields.event().unwrap().unwrap();
                assert_eq!((event.package, event.id()), (&**package, Some(&**id)));
            }
            Field::State(state) => assert_eq!(fields.subscription_state(), Ok(Some(*state))),
            Field::SessionExpires(expires) => assert_eq!(fields.session_expires(), Ok(Some(*expires))),
            Field::Reasons(reasons) => {
                assert_eq!(fields.reasons().count(), reasons.len());
                for (found, (protocol, cause, words)) in fields.reasons().zip(reasons) {
                    let found = found.unwrap();
                    assert_eq!((found.protocol, found.cause), (&**protocol, Some(*cause)));
                    assert_eq!(found.text().as_deref(), words.as_deref());
                }
            }
            Field::Challenges(name, challenges) => {
                assert_eq!(fields.challenges(*name).count(), challenges.len());
                for (found, (scheme, params)) in fields.challenges(*name).zip(challenges) {
                    let found = found.unwrap();
                    assert!(found.is(scheme) && found.params().iter().count() == params.len());
                    for (name, value) in params {
                        assert_eq!(found.param(name).as_deref(), Some(&**value));
                    }
                }
            }
            Field::Info(name, params) => {
                let info = fields.auth_info(*name).unwrap();
                for (name, value) in params {
                    assert_eq!(info.get(name).as_deref(), Some(&**value));
                }
            }
            Field::Warnings(warnings) => {
                assert_eq!(fields.warnings().count(), warnings.len());
                for (found, (code, agent, words)) in fields.warnings().zip(warnings) {
                    let found = found.unwrap();
                    assert_eq!((found.code, found.agent, &*found.text()), (*code, &**agent, &**words));
                }
            }
            Field::RetryAfter(seconds, comment, duration) => {
                let found = fields.retry_after().unwrap().unwrap();
                assert_eq!((found.seconds, found.comment, found.duration), (*seconds, comment.as_deref(), *duration));
            }
            Field::Date(seconds) => {
                assert_eq!(fields.date().unwrap().map(Date::unix_seconds), Some(u64::from(*seconds) * 40));
            }
            Field::ReferTo(target) => assert_eq!(fields.refer_to().unwrap().as_ref(), Some(target)),
            Field::ReferredBy(person, cid) => {
                let found = fields.referred_by().unwrap().unwrap();
                assert_eq!((found.cid, found.referrer.uri_text()), (cid.as_deref(), person.address.uri().as_str()));
            }
            Field::History(entries) => {
                assert_eq!(fields.history().count(), entries.len());
                for (found, (person, index, kind)) in fields.history().zip(entries) {
                    let found = found.unwrap();
                    assert_eq!(found.target.uri_text(), person.address.uri().as_str());
                    assert_eq!(found.index_numbers().collect::<Vec<_>>(), *index);
                    let told = kind.map(|(kind, from)| (kind, from.to_string()));
                    assert_eq!(found.found.map(|(kind, from)| (kind, from.to_owned())), told);
                }
            }
            Field::Diversions(diversions) => {
                assert_eq!(fields.diversions().count(), diversions.len());
                for (found, (person, reason, counter, private)) in fields.diversions().zip(diversions) {
                    let found = found.unwrap();
                    assert_eq!(found.diverter.uri_text(), person.address.uri().as_str());
                    assert_eq!((found.reason().as_deref(), found.counter), (Some(&**reason), *counter));
                    assert_eq!(found.is_private(), *private);
                }
            }
            Field::Privacy(flags) => {
                let found = fields.privacy();
                let [header, session, user, none, critical, id, history] = *flags;
                assert_eq!((found.header, found.session, found.user, found.none), (header, session, user, none));
                assert_eq!((found.critical, found.id, found.history), (critical, id, history));
            }
            Field::UserToUser(values) => {
                assert_eq!(fields.user_to_user().count(), values.len());
                for (found, value) in fields.user_to_user().zip(values) {
                    let found = found.unwrap();
                    let octets = value.as_ref().map_or_else(|words| words.as_bytes(), Vec::as_slice);
                    assert_eq!(found.octets().as_deref(), Some(octets));
                    assert_eq!(found.purpose(), Some(if value.is_ok() { "isdn-uui" } else { "x" }));
                }
            }
            Field::ReferSub(wanted) => assert_eq!(fields.refer_sub(), Some(*wanted)),
            Field::Preferences(name, values) => {
                let found = fields.preferences(*name).map(Result::unwrap);
                let found: Vec<_> = found.map(|found| (found.value.to_owned(), found.quality)).collect();
                assert_eq!(found, *values);
            }
            Field::InReplyTo(ids) => assert_eq!(fields.in_reply_to().collect::<Vec<_>>(), *ids),
            Field::MimeVersion(major, minor) => assert_eq!(fields.mime_version(), Ok(Some((*major, *minor)))),
            Field::Timestamp(timestamp) => assert_eq!(fields.timestamp(), Ok(Some(*timestamp))),
            Field::Priority(priority) => assert_eq!(fields.priority(), Some(*priority)),
            Field::Text(name, text) => assert_eq!(fields.text(*name), Ok(Some(&**text))),
        }
    }
}

fn dotted(index: &[u32]) -> String {
    index.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

fn kind_name(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::RegisteredContact => "rc",
        TargetKind::MappedToOther => "mp",
        TargetKind::NoChange => "np",
    }
}

pub(crate) fn method() -> impl Strategy<Value = Method> {
    let known = ["INVITE", "ACK", "BYE", "CANCEL", "REFER", "NOTIFY", "PUBLISH", "UPDATE"];
    let known = prop::sample::select(known.to_vec()).prop_map(|name| Method::parse(name.as_bytes()).unwrap());
    prop_oneof![known, token().prop_map(|name| Method::parse(name.as_bytes()).unwrap())]
}

/// Names and values in quotation marks; each name is another.
fn named_values() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((word(), words()), 1..5).prop_map(|values| {
        values.into_iter().enumerate().map(|(at, (name, value))| (format!("{name}-{at}"), value)).collect()
    })
}

fn state() -> impl Strategy<Value = SubscriptionStateRef<'static>> {
    let phases = [
        SubscriptionPhase::Active,
        SubscriptionPhase::Pending,
        SubscriptionPhase::Terminated,
        SubscriptionPhase::Other("waiting"),
    ];
    let reasons = [None, Some(EndReason::Deactivated), Some(EndReason::GiveUp), Some(EndReason::Other("x-mine"))];
    let numbers = (any::<Option<u32>>(), any::<Option<u32>>());
    (prop::sample::select(phases.to_vec()), prop::sample::select(reasons.to_vec()), numbers).prop_map(
        |(state, reason, (expires, retry_after))| SubscriptionStateRef { state, expires, reason, retry_after },
    )
}

fn refer_target() -> impl Strategy<Value = ReferTarget> {
    let user = words().prop_filter("a user is not empty", |user| !user.is_empty());
    let headers = prop::collection::vec((token(), words()), 0..4);
    (user, host(), method(), proptest::option::of(words()), headers).prop_map(|(user, host, method, name, headers)| {
        let mut target = ReferTarget::new(&Uri::sip(Some(&user), &host).unwrap(), method);
        target.display_name = name.filter(|name| !name.is_empty()).map(Into::into);
        headers.iter().fold(target, |target, (name, value)| target.with_header(name, value))
    })
}

fn some<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>>
where
    S::Value: Clone,
{
    prop::collection::vec(of, 1..4)
}

/// One of each.
fn all() -> Vec<BoxedStrategy<Field>> {
    let via = (word(), host(), any::<Option<u16>>(), token(), params());
    let contacts = prop_oneof![
        1 => Just(vec![None]),
        6 => some(person()).prop_map(|people| people.into_iter().map(Some).collect::<Vec<_>>()),
    ];
    let kinds = [TargetKind::RegisteredContact, TargetKind::MappedToOther, TargetKind::NoChange];
    let found = proptest::option::of((prop::sample::select(kinds.to_vec()), any::<u32>()));
    let refreshers = [None, Some(Refresher::Uac), Some(Refresher::Uas)];
    let uui = prop_oneof![prop::collection::vec(any::<u8>(), 1..20).prop_map(Ok), words().prop_map(Err),];
    let comment = proptest::option::of(words().prop_map(|text| text.replace(['(', ')', '\\'], "")));
    let session = (any::<u32>(), prop::sample::select(refreshers.to_vec()));
    let mut all = vec![
        some(via).prop_map(Field::Vias).boxed(),
        contacts.prop_map(Field::Contacts).boxed(),
        visible().prop_map(Field::CallId).boxed(),
        (any::<u32>(), method()).prop_map(|(number, method)| Field::CSeq(number, method)).boxed(),
        (any::<u32>(), any::<u32>(), method()).prop_map(|(one, two, method)| Field::RAck(one, two, method)).boxed(),
        (token(), token()).prop_map(|(package, id)| Field::Event(package, id)).boxed(),
        state().prop_map(Field::State).boxed(),
        session.prop_map(|(seconds, refresher)| Field::SessionExpires(SessionExpires { seconds, refresher })).boxed(),
        some((token(), any::<u32>(), proptest::option::of(words()))).prop_map(Field::Reasons).boxed(),
        some((300_u16..400, host(), words())).prop_map(Field::Warnings).boxed(),
        (any::<u32>(), comment, any::<Option<u32>>())
            .prop_map(|(seconds, comment, duration)| Field::RetryAfter(seconds, comment, duration))
            .boxed(),
        any::<u32>().prop_map(Field::Date).boxed(),
        refer_target().prop_map(Field::ReferTo).boxed(),
        (person(), proptest::option::of(token())).prop_map(|(person, cid)| Field::ReferredBy(person, cid)).boxed(),
        some((person(), some(any::<u32>()), found)).prop_map(Field::History).boxed(),
        some((person(), words(), any::<u32>(), any::<bool>())).prop_map(Field::Diversions).boxed(),
        any::<[bool; 7]>().prop_map(Field::Privacy).boxed(),
        some(uui).prop_map(Field::UserToUser).boxed(),
        any::<bool>().prop_map(Field::ReferSub).boxed(),
    ];
    let call_id = visible().prop_map(|id| id.replace(',', "."));
    let priorities = [Priority::Emergency, Priority::Urgent, Priority::NonUrgent, Priority::Other("psap-callback")];
    let times = (any::<u32>(), 0_u32..1_000_000_000, proptest::option::of((any::<u32>(), 0_u32..1_000_000_000)));
    let duration = |seconds: u32, nanos| Duration::new(seconds.into(), nanos);
    all.extend([
        some(call_id).prop_map(Field::InReplyTo).boxed(),
        (any::<u32>(), any::<u32>()).prop_map(|(major, minor)| Field::MimeVersion(major, minor)).boxed(),
        prop::sample::select(priorities.to_vec()).prop_map(Field::Priority).boxed(),
        times
            .prop_map(move |(seconds, nanos, delay)| {
                let delay = delay.map(|(seconds, nanos)| duration(seconds, nanos));
                Field::Timestamp(Timestamp { sent: duration(seconds, nanos), delay })
            })
            .boxed(),
    ]);
    for name in [Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage] {
        let values = some((token(), 0_u16..=1000));
        all.push(values.prop_map(move |values| Field::Preferences(name, values)).boxed());
    }
    for name in [Name::From, Name::To, Name::ReplyTo, Name::PCalledPartyId] {
        all.push(person().prop_map(move |person| Field::Address(name, person)).boxed());
    }
    let lists = [
        Name::Route,
        Name::RecordRoute,
        Name::Path,
        Name::ServiceRoute,
        Name::PAssertedIdentity,
        Name::RemotePartyId,
        Name::AlertInfo,
        Name::CallInfo,
        Name::ErrorInfo,
        Name::PAssociatedUri,
    ];
    for name in lists {
        all.push(some(person()).prop_map(move |people| Field::Addresses(name, people)).boxed());
    }
    for name in [Name::MaxForwards, Name::Expires, Name::MinExpires, Name::RSeq, Name::MinSe, Name::FlowTimer] {
        all.push(any::<u32>().prop_map(move |number| Field::Number(name, number)).boxed());
    }
    for name in [Name::Replaces, Name::Join, Name::TargetDialog] {
        let dialog = (visible(), token(), token(), any::<bool>());
        all.push(dialog.prop_map(move |(id, to, from, early)| Field::Dialog(name, id, to, from, early)).boxed());
    }
    for name in [Name::Supported, Name::Require, Name::Allow, Name::Unsupported, Name::ProxyRequire, Name::RecvInfo] {
        all.push(some(token()).prop_map(move |tokens| Field::Tokens(name, tokens)).boxed());
    }
    for name in [Name::ContentDisposition, Name::InfoPackage, Name::SecurityClient, Name::AcceptContact] {
        all.push((token(), params()).prop_map(move |(value, params)| Field::Item(name, value, params)).boxed());
    }
    let challenges = [Name::WwwAuthenticate, Name::ProxyAuthenticate, Name::Authorization, Name::ProxyAuthorization];
    for name in challenges {
        all.push(some((token(), named_values())).prop_map(move |of| Field::Challenges(name, of)).boxed());
    }
    for name in [Name::AuthenticationInfo, Name::ProxyAuthenticationInfo] {
        all.push(named_values().prop_map(move |values| Field::Info(name, values)).boxed());
    }
    for name in [Name::Subject, Name::Organization, Name::UserAgent, Name::Server, Name::SipEtag, Name::SessionId] {
        all.push(line().prop_map(move |text| Field::Text(name, text)).boxed());
    }
    all
}

/// Some of them, in any order.
pub(crate) fn fields() -> impl Strategy<Value = Vec<Field>> {
    let all = all();
    let order = prop::collection::vec(any::<u16>(), all.len());
    (all, order, 0_u16..=u16::MAX).prop_map(|(fields, order, share)| {
        let mut chosen: Vec<_> = fields.into_iter().zip(order).filter(|(_, place)| *place <= share).collect();
        chosen.sort_by_key(|(_, place)| *place);
        chosen.into_iter().map(|(field, _)| field).collect()
    })
}

pub(crate) fn status() -> impl Strategy<Value = StatusCode> {
    (100_u16..700).prop_map(|code| StatusCode::new(code).unwrap())
}
