//! What must hold for every message, whoever made it up.

#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate offhook_wasm_test;

use bytes::Bytes;
use offhook_core::message::{
    Builder, Fields, Frame, Limits, Message, Method, Name, NameAddr, NameAddrRef, Request, StatusCode, StreamDecoder,
    Uri, UriRef, Via,
};
use proptest::prelude::*;

const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../tests/vectors/rfc4475/wsinv.dat"),
    include_bytes!("../../tests/vectors/rfc4475/intmeth.dat"),
    include_bytes!("../../tests/vectors/rfc4475/esc01.dat"),
    include_bytes!("../../tests/vectors/rfc4475/transports.dat"),
    include_bytes!("../../tests/vectors/rfc4475/scalarlg.dat"),
    include_bytes!("../../tests/vectors/rfc4475/regaut01.dat"),
];

/// What grammars care about, to make up values with.
const SPECIAL: &[u8] = b" \t\r\n\0;,:<>\"\\=@?&%/[](){}*#.+-z9hG4bK\xc3\xa4\xff";

/// What names may be made of.
const TOKEN: &[u8] = b"ABCxyz019-.!%*_+`'~";

/// Asks a message everything it can be asked.
fn ask_everything(fields: &Fields) {
    let names: Vec<Name> = fields.iter().map(|(name, _)| Name::parse(name)).collect();
    for name in names {
        let _ = (fields.text(name), fields.number(name), fields.address(name).map(|found| found.map(ask_address)));
        let _ = (fields.item(name), fields.items(name).count(), fields.replaces(name), fields.auth_info(name));
        let _ = (fields.addresses(name).count(), fields.tokens(name).count(), fields.raw(name).count());
        for challenge in fields.challenges(name).flatten() {
            let _ = (challenge.param("realm"), challenge.params().iter().count());
        }
    }
    for contact in fields.contacts().flatten() {
        contact.address().copied().map(ask_address);
    }
    for via in fields.vias().flatten() {
        ask_via(via);
    }
    let _ = (fields.via().map(ask_via), fields.from().map(ask_address), fields.to().map(ask_address));
    let _ = (fields.call_id(), fields.cseq(), fields.rack(), fields.content_type(), fields.body_bytes());
    let _ = (fields.max_forwards(), fields.expires(), fields.named("subject"), fields.all_named("x").count());
}

fn ask_via(via: Via<'_>) {
    let _ = (via.rfc3261_branch(), via.received(), via.rport(), via.maddr(), via.params.iter().count());
    assert!(Via::parse(via.as_str()).is_ok(), "{:?}", via.as_str());
}

fn ask_address(address: NameAddrRef<'_>) {
    let _ = (address.display_name(), address.tag(), address.params.decoded("x"), address.uri().map(ask_uri));
    assert!(NameAddrRef::parse(address.as_str()).is_ok(), "{:?}", address.as_str());
    let _ = (address.to_owned().with_param("tag", Some("1")), address.to_owned().without_params().uri());
}

fn ask_uri(uri: UriRef<'_>) {
    assert!(uri.equivalent(&uri), "{uri:?}");
    if let UriRef::Sip(sip) = uri {
        let _ = (sip.user_decoded(), sip.transport(), sip.is_loose_router(), sip.header_fields().count());
    }
}

/// Reads it in every way there is.
fn read_everything(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let limits = Limits::default();
    if let Some(request) = Request::salvage(bytes.clone(), &limits) {
        ask_everything(&request);
    }
    match Message::parse(bytes.clone(), &limits) {
        Ok(Message::Request(request)) => {
            let _ = (request.check(), request.uri().map(ask_uri));
            ask_everything(&request);
            answer(&request);
        }
        Ok(Message::Response(response)) => {
            let _ = (response.check(), response.reason());
            ask_everything(&response);
        }
        Err(error) => assert!(error.offset() <= bytes.len(), "{error}"),
    }
    let mut decoder = StreamDecoder::new(&limits);
    decoder.push(&bytes);
    while let Ok(Some(_)) = decoder.next_frame() {}
}

/// Whatever came can be answered, and the answer says what the request said.
fn answer(request: &Request) {
    let mut builder = Builder::response(StatusCode::BAD_REQUEST, None);
    let copied = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq];
    for name in copied {
        builder.copy(name, request);
    }
    let bytes = builder.finish().unwrap();
    let message = Message::parse(bytes, &Limits::default()).unwrap();
    for name in copied {
        assert_eq!(message.fields().count(name), request.count(name), "{name}");
    }
}

fn text() -> impl Strategy<Value = String> {
    let special = (0..SPECIAL.len()).prop_map(|at| char::from(SPECIAL[at]));
    prop::collection::vec(prop_oneof![special, any::<char>(), prop::char::range(' ', '~')], 0..40)
        .prop_map(|chars| chars.into_iter().collect())
}

/// A header value as it comes back: without line ends and NUL, without white space around it.
fn value() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n', '\0'], "").trim_matches([' ', '\t']).to_owned())
}

fn name() -> impl Strategy<Value = String> {
    let token = (0..TOKEN.len()).prop_map(|at| char::from(TOKEN[at]));
    prop_oneof![
        prop::collection::vec(token, 1..30).prop_map(|chars| "X-".chars().chain(chars).collect()),
        prop::sample::select(&["Via", "From", "Contact", "Route", "Supported", "P-Asserted-Identity"][..])
            .prop_map(str::to_owned),
    ]
}

fn message(most: usize) -> impl Strategy<Value = (Vec<(String, String)>, Vec<u8>, Bytes)> {
    let fields = prop::collection::vec((name(), value()), 0..most);
    (fields, prop::collection::vec(any::<u8>(), 0..200), any::<bool>()).prop_map(|(fields, body, request)| {
        let mut builder = if request {
            Builder::request(&Method::Invite, "sip:bob@example.com")
        } else {
            Builder::response(StatusCode::OK, None)
        };
        for (name, value) in &fields {
            builder.named(name, value);
        }
        let bytes = builder.body("application/octet-stream", &body).unwrap();
        (fields, body, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_messages_do_no_harm(
        seed in 0..SEEDS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, 0..SPECIAL.len()), 1..12),
    ) {
        let mut bytes = SEEDS[seed].to_vec();
        for (at, edit, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = SPECIAL[byte],
                1 => bytes.insert(at, SPECIAL[byte]),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        read_everything(&bytes);
    }

    #[test]
    fn what_is_built_reads_back((fields, body, bytes) in message(40)) {
        let message = Message::parse(bytes.clone(), &Limits::default()).unwrap();
        let found: Vec<_> = message.fields().iter().collect();
        prop_assert_eq!(found.len(), fields.len() + 2);
        for ((name, value), (found, with)) in fields.iter().zip(found) {
            prop_assert_eq!(name.as_bytes(), found);
            prop_assert_eq!(value.as_bytes(), with);
        }
        prop_assert_eq!(message.fields().body(), &body);
        prop_assert_eq!(message.fields().bytes(), &bytes);
    }

    #[test]
    fn a_value_is_refused_or_stays_a_value(value in text(), at in 0..40_usize) {
        let mut builder = Builder::response(StatusCode::OK, None);
        let (front, back) = value.split_at_checked(at).unwrap_or((&value, ""));
        builder.parts(Name::Subject, &[front, back]);
        match builder.finish() {
            Ok(bytes) => {
                let message = Message::parse(bytes, &Limits::default()).unwrap();
                prop_assert_eq!(message.fields().iter().count(), 2);
                prop_assert_eq!(message.fields().text(Name::Subject), Ok(Some(value.trim_matches([' ', '\t']))));
            }
            Err(error) => {
                prop_assert_eq!(&*error.field, "Subject");
                prop_assert_eq!(value.find(['\r', '\n', '\0']), Some(error.offset));
            }
        }
    }

    #[test]
    fn frames_do_not_depend_on_how_they_came(
        messages in prop::collection::vec((message(6), 0..6_usize), 1..4),
        cuts in prop::collection::vec(1..300_usize, 1..50),
        opener in any::<bool>(),
    ) {
        let stream: Vec<u8> = messages
            .iter()
            .flat_map(|((_, _, bytes), line_ends)| bytes.iter().copied().chain(b"\r\n".repeat(*line_ends)))
            .collect();
        let decode = |cuts: &[usize]| {
            let limits = Limits::default();
            let mut decoder = if opener { StreamDecoder::for_opener(&limits) } else { StreamDecoder::new(&limits) };
            let mut frames = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                let (chunk, after) = rest.split_at(rest.len().min(*cut));
                rest = after;
                decoder.push(chunk);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    frames.push(frame);
                }
                if rest.is_empty() {
                    break;
                }
            }
            frames
        };
        let whole = decode(&[stream.len()]);
        prop_assert_eq!(&whole, &decode(&cuts));
        prop_assert_eq!(&whole, &decode(&[1]));
        prop_assert_eq!(whole.iter().filter(|frame| matches!(frame, Frame::Message(_))).count(), messages.len());
    }

    #[test]
    fn users_come_back_from_a_uri(user in text(), port in proptest::option::of(any::<u16>())) {
        let user = if user.is_empty() { "a".to_owned() } else { user };
        let host = port.map_or("example.com".to_owned(), |port| format!("example.com:{port}"));
        let uri = Uri::sip(Some(&user), &host).unwrap().with_param("x", Some(&user));
        let view = uri.view();
        let sip = view.as_sip().unwrap();
        prop_assert_eq!(sip.user_decoded().unwrap(), user.as_str());
        prop_assert_eq!(sip.params.decoded("X").unwrap(), user.as_str());
        prop_assert_eq!(sip.port, port);
        prop_assert!(view.equivalent(&view));
    }

    #[test]
    fn names_come_back_from_an_address(name in text(), value in text()) {
        let uri = Uri::sip(Some("a"), "b").unwrap();
        let address = NameAddr::new(Some(&name), &uri).with_param("x", Some(&value)).with_param("tag", Some("1"));
        let plain = |text: &str| text.replace(['\r', '\n', '\0'], " ");
        let view = address.view();
        prop_assert_eq!(view.display_name().unwrap_or_default(), plain(&name));
        prop_assert_eq!(view.params.decoded("x").unwrap(), plain(&value));
        prop_assert_eq!((view.tag(), view.uri_text()), (Some("1"), uri.as_str()));
        prop_assert!(NameAddr::parse(address.as_str()).is_ok());
    }

    #[test]
    fn texts_are_uris_or_not(text in text(), scheme in prop::sample::select(&["", "sip:", "sips:a@", "tel:+1;"][..])) {
        let text = [scheme, &text].concat();
        if let Ok(uri) = Uri::parse(&text) {
            ask_uri(uri.view());
            let _ = (uri.request_uri(), uri.with_param("lr", None), uri.without_param("lr"));
            prop_assert!(Uri::parse(uri.with_param("lr", None).as_str()).is_ok());
        }
    }
}
