//! Every header field the core has a name for (those of RFC 3261 tables 2 and 3, and of the extensions) is read typed: one
//! value that says what is in it, one that says what is wrong, or that nothing can be.

#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate offhook_wasm_test;

use std::fmt::Debug;

use bytes::Bytes;
use offhook_core::message::{Fields, Limits, Message, Name, ParseError};

/// How a field is asked, and the answer in words.
type Ask = fn(&Fields, Name) -> Result<String, ParseError>;

fn fields(name: Name, value: &str) -> Fields {
    let text = format!("SIP/2.0 200 OK\r\n{name}: {value}\r\n\r\n");
    let message = Message::parse(Bytes::from(text), &Limits::default()).expect("a message");
    message.fields().clone()
}

fn words(value: impl Debug) -> Result<String, ParseError> {
    Ok(format!("{value:?}"))
}

fn joined<T: Debug>(values: impl Iterator<Item = Result<T, ParseError>>) -> Result<String, ParseError> {
    let all = values.collect::<Result<Vec<_>, _>>()?;
    Ok(all.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "))
}

const NUMBER: Ask = |fields, name| words(fields.number(name)?.expect("it is there"));
const ADDRESS: Ask = |fields, name| words(fields.address(name)?.expect("it is there").uri_text());
const ADDRESSES: Ask = |fields, name| {
    joined(fields.addresses(name).map(|found| {
        found.map(|found| (found.uri_text().to_owned(), found.params.value("purpose").map(str::to_owned)))
    }))
};
const TOKENS: Ask = |fields, name| words(fields.tokens(name).collect::<Vec<_>>());
const ITEMS: Ask =
    |fields, name| words(fields.items(name).map(|item| (item.value, item.params.iter().count())).collect::<Vec<_>>());
const TEXT: Ask = |fields, name| words(fields.text(name)?.expect("it is there"));
const DIALOG: Ask = |fields, name| {
    let found = fields.replaces(name)?.expect("it is there");
    words((found.call_id, found.to_tag, found.from_tag, found.early_only))
};
const CHALLENGES: Ask = |fields, name| {
    joined(fields.challenges(name).map(|found| found.map(|found| found.param("realm").map(|realm| realm.into_owned()))))
};
const AUTH_INFO: Ask =
    |fields, name| words(fields.auth_info(name).expect("it is there").get("nextnonce").map(|nonce| nonce.into_owned()));
const PREFERENCES: Ask = |fields, name| {
    joined(fields.preferences(name).map(|found| found.map(|found| (found.value.to_owned(), found.quality))))
};

/// The name, how it is asked, a value and what is read from it, and a value with which something is wrong, if there is one.
type Row = (Name, Ask, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Name::Via, |fields, _| joined(fields.vias().map(|via| via.map(|via| (via.transport.to_owned(), via.port)))), "SIP/2.0/WSS a;branch=z9hG4bK1, SIP/2.0/UDP b:7", "(\"WSS\", None) (\"UDP\", Some(7))", "SIP/2.0/UDP"),
    (Name::From, |fields, _| words(fields.from()?.tag()), "<sip:a@b>;tag=x", "Some(\"x\")", "\"a"),
    (Name::To, |fields, _| words(fields.to()?.tag()), "sip:a@b", "None", "<sip:a"),
    (Name::CallId, |fields, _| words(fields.call_id()?), "a@b", "\"a@b\"", "a b"),
    (Name::CSeq, |fields, _| words(fields.cseq()?.to_string()), "7  INVITE", "\"7 INVITE\"", "INVITE 7"),
    (Name::Contact, |fields, _| joined(fields.contacts().map(|found| found.map(|found| found.address().map(|found| found.uri_text().to_owned())))), "<sip:a@b>, sip:c", "Some(\"sip:a@b\") Some(\"sip:c\")", "<sip:a"),
    (Name::MaxForwards, |fields, _| words(fields.max_forwards()?), "70", "Some(70)", "many"),
    (Name::Route, ADDRESSES, "<sip:a;lr>, <sip:b;lr>", "(\"sip:a;lr\", None) (\"sip:b;lr\", None)", "<sip:a"),
    (Name::RecordRoute, ADDRESSES, "<sip:a;lr>", "(\"sip:a;lr\", None)", "<sip:a"),
    (Name::ContentLength, NUMBER, "0", "0", ""),
    (Name::ContentType, |fields, _| words(fields.content_type()?), "multipart/mixed;boundary=x", "Some(\"multipart/mixed\")", "sdp"),
    (Name::Accept, PREFERENCES, "application/sdp, text/*;q=0.5", "(\"application/sdp\", 1000) (\"text/*\", 500)", "a/b;q=7"),
    (Name::AcceptContact, ITEMS, "*;mobility=fixed", "[(\"*\", 1)]", ""),
    (Name::AcceptEncoding, PREFERENCES, "gzip;q=1.0, *;q=0", "(\"gzip\", 1000) (\"*\", 0)", "gzip;q=x"),
    (Name::AcceptLanguage, PREFERENCES, "da, en;q=0.7", "(\"da\", 1000) (\"en\", 700)", "en;q=1.1"),
    (Name::AcceptResourcePriority, TOKENS, "dsn.flash, q735.3", "[\"dsn.flash\", \"q735.3\"]", ""),
    (Name::AlertInfo, ADDRESSES, "<http://a/moo.wav>", "(\"http://a/moo.wav\", None)", "<http"),
    (Name::Allow, TOKENS, "INVITE, ACK", "[\"INVITE\", \"ACK\"]", ""),
    (Name::AllowEvents, ITEMS, "presence, dialog", "[(\"presence\", 0), (\"dialog\", 0)]", ""),
    (Name::AnswerMode, ITEMS, "Auto;require", "[(\"Auto\", 1)]", ""),
    (Name::AuthenticationInfo, AUTH_INFO, "nextnonce=\"x\"", "Some(\"x\")", ""),
    (Name::Authorization, CHALLENGES, "Digest realm=\"a\"", "Some(\"a\")", "\"Digest\" x"),
    (Name::CallInfo, ADDRESSES, "<http://a/b.jpg>;purpose=icon", "(\"http://a/b.jpg\", Some(\"icon\"))", "<"),
    (Name::ContentDisposition, ITEMS, "session;handling=required", "[(\"session\", 1)]", ""),
    (Name::ContentEncoding, TOKENS, "gzip", "[\"gzip\"]", ""),
    (Name::ContentId, TEXT, "<x@y>", "\"<x@y>\"", ""),
    (Name::ContentLanguage, TOKENS, "fr, en", "[\"fr\", \"en\"]", ""),
    (Name::ContentTransferEncoding, TEXT, "binary", "\"binary\"", ""),
    (Name::Date, |fields, _| words(fields.date()?.map(|date| date.unix_seconds())), "Sat, 13 Nov 2010 23:29:00 GMT", "Some(1289690940)", "today"),
    (Name::Diversion, |fields, _| joined(fields.diversions().map(|found| found.map(|found| (found.diverter.uri_text().to_owned(), found.counter)))), "<sip:a@b>;reason=no-answer;counter=2", "(\"sip:a@b\", 2)", "<sip:a@b>;counter=x"),
    // Of RFC 2543: named so that nobody takes it for something else, but never acted upon.
    (Name::Encryption, TEXT, "PGP version=2.6.2", "\"PGP version=2.6.2\"", ""),
    (Name::ErrorInfo, ADDRESSES, "<sip:not-in-service@a>", "(\"sip:not-in-service@a\", None)", "<sip:a"),
    (Name::Event, |fields, _| words(fields.event()?.map(|event| (event.package, event.id()))), "dialog;id=7", "Some((\"dialog\", Some(\"7\")))", ";id=7"),
    (Name::Expires, |fields, _| words(fields.expires()?), "60", "Some(60)", "soon"),
    (Name::FeatureCaps, ITEMS, "*;+sip.pns=\"webpush\"", "[(\"*\", 1)]", ""),
    (Name::FlowTimer, NUMBER, "120", "120", "x"),
    (Name::Geolocation, ADDRESSES, "<cid:a@b>", "(\"cid:a@b\", None)", "<cid"),
    (Name::GeolocationError, ITEMS, "100;code=\"x\"", "[(\"100\", 1)]", ""),
    (Name::GeolocationRouting, TEXT, "yes", "\"yes\"", ""),
    (Name::HistoryInfo, |fields, _| joined(fields.history().map(|found| found.map(|found| (found.target.uri_text().to_owned(), found.cause())))), "<sip:a@b?Reason=SIP%3Bcause%3D302>;index=1", "(\"sip:a@b?Reason=SIP%3Bcause%3D302\", Some(302))", "sip"),
    (Name::Identity, TEXT, "x;info=<https://a>;alg=ES256", "\"x;info=<https://a>;alg=ES256\"", ""),
    (Name::IdentityInfo, TEXT, "<https://a>;alg=rsa-sha1", "\"<https://a>;alg=rsa-sha1\"", ""),
    (Name::InfoPackage, ITEMS, "foo;bar=1", "[(\"foo\", 1)]", ""),
    (Name::InReplyTo, |fields, _| words(fields.in_reply_to().collect::<Vec<_>>()), "70710@\"a, 17320@b", "[\"70710@\\\"a\", \"17320@b\"]", ""),
    (Name::Join, DIALOG, "a;to-tag=b;from-tag=c", "(\"a\", \"b\", \"c\", false)", "a;to-tag=b"),
    (Name::MaxBreadth, NUMBER, "60", "60", "x"),
    (Name::MimeVersion, |fields, _| words(fields.mime_version()?), "1.0", "Some((1, 0))", "1"),
    (Name::MinExpires, NUMBER, "60", "60", "x"),
    (Name::MinSe, |fields, _| words(fields.min_se()?), "90;x=y", "Some(90)", "x"),
    (Name::Organization, TEXT, "Boxes by Bob", "\"Boxes by Bob\"", ""),
    (Name::PAccessNetworkInfo, ITEMS, "IEEE-802.11;i-wlan-node-id=1", "[(\"IEEE-802.11\", 1)]", ""),
    (Name::PAssertedIdentity, ADDRESSES, "\"A\" <sip:a@b>, tel:+1", "(\"sip:a@b\", None) (\"tel:+1\", None)", "<sip:a"),
    (Name::PAssociatedUri, ADDRESSES, "<sip:a@b>", "(\"sip:a@b\", None)", "<sip:a"),
    (Name::PCalledPartyId, ADDRESS, "<sip:a@b>", "\"sip:a@b\"", "<sip:a"),
    (Name::PChargingFunctionAddresses, TEXT, "ccf=192.0.2.1", "\"ccf=192.0.2.1\"", ""),
    (Name::PChargingVector, TEXT, "icid-value=1", "\"icid-value=1\"", ""),
    (Name::PEarlyMedia, TOKENS, "sendrecv, gated", "[\"sendrecv\", \"gated\"]", ""),
    (Name::PPreferredIdentity, ADDRESSES, "<sip:a@b>", "(\"sip:a@b\", None)", "<sip:a"),
    (Name::PVisitedNetworkId, TOKENS, "\"a, b\", other", "[\"\\\"a, b\\\"\", \"other\"]", ""),
    (Name::Path, ADDRESSES, "<sip:a;lr>", "(\"sip:a;lr\", None)", "<sip:a"),
    (Name::Priority, |fields, _| words(fields.priority()), "Urgent", "Some(Urgent)", ""),
    (Name::Privacy, |fields, _| words(fields.privacy().id), "header;id", "true", ""),
    (Name::PrivAnswerMode, ITEMS, "Auto", "[(\"Auto\", 0)]", ""),
    (Name::ProxyAuthenticate, CHALLENGES, "Digest realm=\"a\", Bearer realm=b", "Some(\"a\") Some(\"b\")", "\"Digest\" x"),
    (Name::ProxyAuthenticationInfo, AUTH_INFO, "nextnonce=\"x\"", "Some(\"x\")", ""),
    (Name::ProxyAuthorization, CHALLENGES, "Digest realm=\"a\"", "Some(\"a\")", "\"Digest\" x"),
    (Name::ProxyRequire, TOKENS, "privacy", "[\"privacy\"]", ""),
    (Name::RAck, |fields, _| words(fields.rack().map(|rack| (rack.rseq, rack.cseq.to_string()))?), "1 2 INVITE", "(1, \"2 INVITE\")", "1 INVITE"),
    (Name::RSeq, NUMBER, "988789", "988789", "x"),
    (Name::Reason, |fields, _| joined(fields.reasons().map(|found| found.map(|found| (found.sip(), found.q850())))), "SIP;cause=486, Q.850;cause=17", "(Some(486), None) (None, Some(17))", ";cause=1"),
    (Name::RecvInfo, TOKENS, "foo, bar", "[\"foo\", \"bar\"]", ""),
    (Name::ReferSub, |fields, _| words(fields.refer_sub()), "false", "Some(false)", ""),
    (Name::ReferTo, |fields, _| words(fields.refer_to()?.map(|target| target.uri.as_str().to_owned())), "<sip:a@b;method=INVITE>", "Some(\"sip:a@b\")", "<sip:a"),
    (Name::ReferredBy, |fields, _| words(fields.referred_by()?.map(|by| (by.referrer.uri_text().to_owned(), by.cid))), "<sip:a@b>;cid=x", "Some((\"sip:a@b\", Some(\"x\")))", "<sip:a"),
    (Name::RejectContact, ITEMS, "*;video", "[(\"*\", 1)]", ""),
    (Name::RemotePartyId, ADDRESSES, "<sip:a@b>;party=calling;privacy=full", "(\"sip:a@b\", None)", "<sip:a"),
    (Name::Replaces, DIALOG, "a;from-tag=c;to-tag=b;early-only", "(\"a\", \"b\", \"c\", true)", "a"),
    (Name::ReplyTo, ADDRESS, "Bob <sip:a@b>", "\"sip:a@b\"", "<sip:a"),
    (Name::RequestDisposition, TOKENS, "proxy, recurse", "[\"proxy\", \"recurse\"]", ""),
    (Name::Require, TOKENS, "100rel", "[\"100rel\"]", ""),
    (Name::ResourcePriority, TOKENS, "wps.3", "[\"wps.3\"]", ""),
    (Name::ResponseKey, TEXT, "pgp version=2", "\"pgp version=2\"", ""),
    (Name::RetryAfter, |fields, _| words(fields.retry_after()?.map(|retry| (retry.seconds, retry.comment, retry.duration))), "120 (busy);duration=9", "Some((120, Some(\"busy\"), Some(9)))", "120 (busy"),
    (Name::SecurityClient, ITEMS, "tls;q=0.1, digest", "[(\"tls\", 1), (\"digest\", 0)]", ""),
    (Name::SecurityServer, ITEMS, "tls;q=0.1", "[(\"tls\", 1)]", ""),
    (Name::SecurityVerify, ITEMS, "tls;q=0.1", "[(\"tls\", 1)]", ""),
    (Name::Server, TEXT, "HomeServer v2", "\"HomeServer v2\"", ""),
    (Name::ServiceRoute, ADDRESSES, "<sip:a;lr>", "(\"sip:a;lr\", None)", "<sip:a"),
    (Name::SessionExpires, |fields, _| words(fields.session_expires()?.map(|session| session.to_string())), "90;refresher=uas", "Some(\"90;refresher=uas\")", "x"),
    (Name::SessionId, ITEMS, "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000", "[(\"ab30317f1a784dc48ff824d0d3715d86\", 1)]", ""),
    (Name::SipEtag, TEXT, "dx200xyz", "\"dx200xyz\"", ""),
    (Name::SipIfMatch, TEXT, "dx200xyz", "\"dx200xyz\"", ""),
    (Name::Subject, TEXT, "Need more boxes", "\"Need more boxes\"", ""),
    (Name::SubscriptionState, |fields, _| words(fields.subscription_state()?.map(|state| state.to_string())), "active;expires=9", "Some(\"active;expires=9\")", "active;expires=x"),
    (Name::Supported, TOKENS, "timer, path", "[\"timer\", \"path\"]", ""),
    (Name::SuppressIfMatch, TEXT, "*", "\"*\"", ""),
    (Name::TargetDialog, DIALOG, "a;local-tag=b;remote-tag=c", "(\"a\", \"b\", \"c\", false)", "a"),
    (Name::Timestamp, |fields, _| words(fields.timestamp()?.map(|timestamp| timestamp.to_string())), "54.250 0.1", "Some(\"54.25 0.1\")", "now"),
    (Name::Unsupported, TOKENS, "foo", "[\"foo\"]", ""),
    (Name::UserAgent, TEXT, "Softphone Beta1.5", "\"Softphone Beta1.5\"", ""),
    (Name::UserToUser, |fields, _| joined(fields.user_to_user().map(|found| found.map(|found| found.octets().map(|octets| octets.into_owned())))), "0a0b;encoding=hex", "Some([10, 11])", ""),
    (Name::Warning, |fields, _| joined(fields.warnings().map(|found| found.map(|found| (found.code, found.text().into_owned())))), "307 isi.edu \"a, b\"", "(307, \"a, b\")", "307 isi.edu"),
    (Name::WwwAuthenticate, CHALLENGES, "Digest realm=\"a\"", "Some(\"a\")", "\"Digest\" x"),
];

#[test]
fn every_name_has_a_row() {
    let rows: Vec<Name> = TABLE.iter().map(|(name, ..)| *name).collect();
    for name in Name::all() {
        assert_eq!(rows.iter().filter(|row| **row == name).count(), 1, "{name}");
    }
}

#[test]
fn each_is_read() {
    let wrong: Vec<_> = TABLE
        .iter()
        .map(|(name, ask, value, expected, _)| (name, expected, ask(&fields(*name, value), *name)))
        .filter(|(_, expected, found)| found.as_deref() != Ok(**expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_wrong_is_an_error_that_names_the_field_and_hides_nothing_else() {
    for (name, ask, good, _, bad) in TABLE.iter().filter(|(.., bad)| !bad.is_empty()) {
        let found = fields(*name, bad);
        let error = ask(&found, *name).expect_err(&format!("{name}: {bad}"));
        assert_eq!(error.field(), name.as_str(), "{name}: {error}");
        assert!((16..=found.bytes().len()).contains(&error.offset()), "{name}: {error}");
        assert_eq!(found.text(*name), Ok(Some(*bad)), "as it came it can always be had");
        assert!(ask(&fields(*name, good), *name).is_ok());
    }
}
