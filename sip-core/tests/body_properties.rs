//! What must hold for every body and every typed header field, whoever made it up.
#![cfg(not(target_arch = "wasm32"))]

use bytes::Bytes;
use offhook_core::body::{self, Fragment, MessageCounts, MessageSummary, Multipart, MultipartWriter, fragment_status};
use offhook_core::message::{
    Builder, Date, EventRef, Fields, Limits, Message, Method, Name, ReasonRef, ReferTarget, RetryAfter, SessionExpires,
    StatusCode, SubscriptionStateRef, Uri, WarningRef, reason_value,
};
use offhook_core::packages::Scope;
use offhook_core::packages::conference::{ConferenceInfo, ConferenceState};
use offhook_core::packages::dialog_info::{
    Address, DialogEntry, DialogInfo, DialogInfoState, DialogState, Direction, Participant,
};
use offhook_core::packages::pidf::{Basic, Note, Presence, Tuple};
use offhook_core::packages::reginfo::{RegInfo, RegInfoState};
use proptest::prelude::*;

/// What grammars care about, to make up values with.
const SPECIAL: &str = " \t;,:<>\"\\=@?&%/[](){}.'-z9ä";

/// Documents and values to damage.
const SEEDS: [&str; 6] = [
    "<dialog-info version='1' state='full'><dialog id='1'><state code='2'>early</state><local><identity>a</identity>\
     <target uri='b'><param pname='c' pval='d'/></target></local></dialog></dialog-info>",
    "<reginfo version='1' state='partial'><registration id='1' aor='a' state='active'><contact id='1' state='active' \
     event='x' q='0'><uri>b</uri></contact></registration></reginfo>",
    "<conference-info version='1' state='partial'><users state='partial'><user entity='a' state='deleted'>\
     <endpoint entity='b'><media id='1'/></endpoint></user></users></conference-info>",
    "<presence entity='a'><tuple id='1'><status><basic>open</basic></status><note xml:lang='x'>y</note></tuple></presence>",
    "--x\r\nContent-ID: <1>\r\n\r\none\r\n--x\r\nContent-Type: multipart/mixed;boundary=y\r\n\r\n--y\r\n\r\ntwo\r\n--y--\r\n--x--",
    "SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\nContent-Length: 9\r\n\r\nMessages-Waiting: yes\r\nVoice-Message: 1/2 (3/4)\r\n",
];

/// Reads it in every way there is.
fn read_everything(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let text = String::from_utf8_lossy(&bytes);
    if let Ok(multipart) = Multipart::parse("multipart/related;boundary=x;start=1", bytes.clone()) {
        let _ = (multipart.root(), multipart.by_content_id("1"));
        for part in multipart.parts() {
            let _ = (part.content_id(), part.content_type(), part.is_optional(), part.disposition(), part.multipart());
        }
    }
    let _ = Multipart::parse(&text, bytes.clone());
    if let Ok(fragment) = Fragment::parse(bytes.clone()) {
        ask_everything(fragment.fields());
    }
    let _ = (fragment_status(&bytes), MessageSummary::parse(&bytes), Presence::parse(&bytes));
    if let Ok(info) = DialogInfo::parse(&bytes) {
        let _ = (info.write(), DialogInfoState::new().apply(info));
    }
    if let Ok(info) = RegInfo::parse(&bytes) {
        let _ = RegInfoState::new().apply(info);
    }
    if let Ok(info) = ConferenceInfo::parse(&bytes) {
        let _ = ConferenceState::new().apply(info);
    }
}

fn ask_everything(fields: &Fields) {
    let _ = (fields.reasons().count(), fields.history().flatten().filter(|entry| entry.cause().is_some()).count());
    let _ = (fields.diversions().flatten().filter(|found| found.is_private()).count(), fields.privacy());
    let _ = (fields.warnings().count(), fields.user_to_user().flatten().filter(|uui| uui.octets().is_some()).count());
    let _ = (fields.event().is_ok(), fields.subscription_state().is_ok(), fields.session_expires(), fields.min_se());
    let _ = (fields.retry_after().is_ok(), fields.date(), fields.refer_sub(), fields.auto_answer());
    let _ = (fields.referred_by().is_ok(), body::find(fields, "text/plain"), body::not_understood(fields, |_| false));
    if let Ok(Some(target)) = fields.refer_to() {
        let _ = (target.wanted().count(), target.replaces().is_some(), target.to_string());
    }
}

/// Every header field with a typed form, with that value.
fn message_with(value: &str) -> Option<Message> {
    const NAMES: [Name; 18] = [
        Name::Reason,
        Name::HistoryInfo,
        Name::Diversion,
        Name::Privacy,
        Name::Warning,
        Name::UserToUser,
        Name::Event,
        Name::SubscriptionState,
        Name::SessionExpires,
        Name::RetryAfter,
        Name::Date,
        Name::ReferTo,
        Name::ReferredBy,
        Name::CallInfo,
        Name::AlertInfo,
        Name::RemotePartyId,
        Name::PAssertedIdentity,
        Name::From,
    ];
    let mut builder = Builder::request(&Method::Invite, "sip:a@b");
    for name in NAMES {
        builder.header(name, value);
    }
    Message::parse(builder.body("multipart/mixed;boundary=x", value.as_bytes()).ok()?, &Limits::default()).ok()
}

fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(SPECIAL.chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![special, any::<char>(), prop::char::range(' ', '~')], 0..30)
        .prop_map(|chars| chars.into_iter().collect())
}

/// A text as it comes back from XML: without what XML cannot hold, without white space around it.
fn xml_text() -> impl Strategy<Value = Box<str>> {
    text().prop_map(|text| {
        let holds = |character: &char| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}');
        Box::from(text.chars().filter(holds).collect::<String>().trim())
    })
}

fn some() -> impl Strategy<Value = Option<Box<str>>> {
    proptest::option::of(xml_text().prop_filter("an empty one is none", |text| !text.is_empty()))
}

fn address() -> impl Strategy<Value = Option<Address>> {
    proptest::option::of((some(), xml_text()).prop_map(|(display, uri)| Address { display, uri }))
}

fn participant() -> impl Strategy<Value = Participant> {
    let params = prop::collection::vec((xml_text().prop_filter("a name", |name| !name.is_empty()), xml_text()), 0..3);
    let session = proptest::option::of((xml_text(), xml_text()));
    (address(), some(), params, session, any::<Option<u32>>()).prop_map(
        |(identity, target, target_params, session_description, cseq)| Participant {
            identity,
            target,
            target_params,
            session_description,
            cseq,
        },
    )
}

fn dialog() -> impl Strategy<Value = DialogEntry> {
    let states = [DialogState::Trying, DialogState::Early, DialogState::Confirmed, DialogState::Terminated];
    let directions = [None, Some(Direction::Initiator), Some(Direction::Recipient)];
    let head = (xml_text(), prop::sample::select(states.to_vec()), some(), some(), some(), some());
    let numbers = (any::<Option<u16>>(), any::<Option<u64>>());
    let not_empty = || xml_text().prop_filter("not empty", |text| !text.is_empty());
    let replaces = proptest::option::of((not_empty(), not_empty(), not_empty()));
    let hops = prop::collection::vec(xml_text(), 0..3);
    let rest = (address(), participant(), participant(), replaces, hops, prop::sample::select(directions.to_vec()));
    (head, numbers, rest).prop_map(|(head, (code, duration), rest)| {
        let (referred_by, local, remote, replaces, route_set, direction) = rest;
        let (id, state, call_id, local_tag, remote_tag, event) = head;
        let known = DialogEntry::new(&id, state);
        let known = DialogEntry { call_id, local_tag, remote_tag, event, code, duration, replaces, ..known };
        DialogEntry { referred_by, route_set, local, remote, direction, ..known }
    })
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let basic = prop::sample::select(&[None, Some(Basic::Open), Some(Basic::Closed)][..]);
    let contact = proptest::option::of((xml_text().prop_filter("a URI", |uri| !uri.is_empty()), some()));
    (xml_text(), basic, contact, notes(), some()).prop_map(|(id, basic, contact, notes, timestamp)| {
        let (contact, priority) = contact.map_or((None, None), |(contact, priority)| (Some(contact), priority));
        Tuple { id, basic, contact, priority, notes, timestamp }
    })
}

fn notes() -> impl Strategy<Value = Vec<Note>> {
    prop::collection::vec((some(), xml_text()).prop_map(|(language, text)| Note { language, text }), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_bodies_do_no_harm(
        seed in 0..SEEDS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..8),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (at, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        read_everything(&bytes);
    }

    #[test]
    fn values_are_read_or_refused_where_they_stand(value in text()) {
        if let Some(Message::Request(request)) = message_with(&value) {
            ask_everything(&request);
            let _ = request.identity().map(|identity| (identity.best(true).uri(), identity.is_anonymous()));
            let end = request.bytes().len();
            for error in request.reasons().filter_map(Result::err) {
                prop_assert!(error.offset() <= end && error.field() == "Reason");
            }
            for error in request.history().filter_map(Result::err) {
                prop_assert!(error.offset() <= end && error.field() == "History-Info");
            }
        }
        let length = value.len();
        let errors = [
            ReasonRef::parse(&value).err(),
            SessionExpires::parse(&value).err(),
            EventRef::parse(&value).err(),
            SubscriptionStateRef::parse(&value).err(),
            ReferTarget::parse(&value).err(),
            WarningRef::parse(&value).err(),
            RetryAfter::parse(&value).err(),
            Date::parse(&value).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(error.offset() <= length, "{error}");
        }
    }

    #[test]
    fn multipart_bodies_come_back(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..6),
        lines in prop::collection::vec(prop::sample::select(&["--b", "\r\n", "\n", "--", "b-1", "x"][..]), 0..12),
    ) {
        let mut parts = parts;
        parts.push(lines.concat().into_bytes());
        let mut writer = MultipartWriter::new("mixed", "b");
        for part in &parts {
            writer.part("application/octet-stream", &[(Name::ContentDisposition, "session")], part);
        }
        let (content_type, body) = writer.finish().unwrap();
        let multipart = Multipart::parse(&content_type, body).unwrap();
        let read: Vec<_> = multipart.parts().iter().map(|part| part.body().to_vec()).collect();
        prop_assert_eq!(read, parts);
        prop_assert!(multipart.parts().iter().all(|part| part.disposition().unwrap().is("session")));
    }

    #[test]
    fn refer_targets_come_back(user in text(), headers in prop::collection::vec((text(), text()), 0..4), name in text()) {
        let user = if user.is_empty() { "a".to_owned() } else { user };
        let mut target = ReferTarget::new(&Uri::sip(Some(&user), "example.com").unwrap(), Method::Bye);
        for (name, value) in &headers {
            // A header without a name and a value is none.
            target = target.with_header(&["X", name].concat(), value);
        }
        let plain = name.replace(['\r', '\n', '\0'], " ");
        target.display_name = (!plain.is_empty()).then(|| plain.into());
        prop_assert_eq!(ReferTarget::parse(&target.to_string()), Ok(target));
    }

    #[test]
    fn reasons_come_back(cause in any::<u32>(), words in text()) {
        let value = reason_value("SIP", cause, Some(&words));
        let reason = ReasonRef::parse(&value).unwrap();
        let plain = words.replace(['\r', '\n', '\0'], " ");
        prop_assert_eq!(reason.sip(), Some(cause));
        prop_assert_eq!(reason.text().unwrap(), plain);
    }

    #[test]
    fn dates_come_back(seconds in any::<u32>()) {
        let date = Date::from_unix_seconds(u64::from(seconds) * 50);
        prop_assert_eq!(Date::parse(&date.to_string()), Ok(date));
    }

    #[test]
    fn summaries_come_back(
        waiting in any::<bool>(),
        counts in prop::collection::vec((any::<u32>(), any::<u32>(), any::<Option<(u32, u32)>>()), 0..4),
    ) {
        let counts = counts.into_iter().map(|(new, old, urgent)| ("Voice-Message", MessageCounts { new, old, urgent }));
        let summary = MessageSummary { waiting, account: Some("sip:a@b"), counts: counts.collect() };
        let body = summary.to_string();
        prop_assert_eq!(MessageSummary::parse(body.as_bytes()), Ok(summary));
    }

    #[test]
    fn dialog_documents_come_back(
        entity in xml_text(),
        version in any::<u32>(),
        partial in any::<bool>(),
        dialogs in prop::collection::vec(dialog(), 0..4),
    ) {
        let scope = if partial { Scope::Partial } else { Scope::Full };
        let info = DialogInfo { version, scope, entity, dialogs };
        prop_assert_eq!(DialogInfo::parse(info.write().as_bytes()), Ok(info));
    }

    #[test]
    fn presence_documents_come_back(
        entity in xml_text(),
        tuples in prop::collection::vec(tuple(), 0..4),
        notes in notes(),
        busy in any::<bool>(),
    ) {
        let activities = if busy { vec!["on-the-phone".into(), "away".into()] } else { Vec::new() };
        let presence = Presence { entity, tuples, notes, activities };
        prop_assert_eq!(Presence::parse(presence.write().as_bytes()), Ok(presence));
    }

    #[test]
    fn fragments_come_back(code in 100_u16..700, value in text()) {
        let status = StatusCode::new(code).unwrap();
        let mut builder = Builder::response(status, None);
        builder.header(Name::Subject, &value.replace(['\r', '\n', '\0'], ""));
        let bytes = builder.finish().unwrap();
        prop_assert_eq!(fragment_status(&bytes), Some((status, status.reason())));
        prop_assert_eq!(Fragment::parse(bytes.slice(..bytes.len() - 4)).unwrap().status(), Some(status));
    }
}
