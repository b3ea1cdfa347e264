//! Messages, streams, URIs.

use bytes::Bytes;
use offhook_core::body;
use offhook_core::message::{
    Builder, Date, EventRef, Fields, Frame, Limits, Message, Name, NameAddr, NameAddrRef, Privacy, ReasonRef,
    ReferTarget, Replaces, Request, Response, RetryAfter, SessionExpires, StatusCode, StreamDecoder,
    SubscriptionStateRef, Timestamp, Uri, UriRef, Via, WarningRef, escape_user, is_keep_alive, redacted, unescape,
};
use offhook_core::transport::{Stun, is_stun};

use super::input::Input;

/// One datagram: read, checked, asked everything, answered, read back.
pub fn message(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let limits = Limits::default();
    let _ = (is_keep_alive(data), redacted(data));
    stun(data);
    if let Some(request) = Request::salvage(bytes.clone(), &limits) {
        ask(&request);
    }
    match Message::parse(bytes, &limits) {
        Ok(Message::Request(request)) => {
            let _ = (request.check(), request.uri().map(uri_view), request.identity().map(|who| who.is_anonymous()));
            ask(&request);
            again(&request, answer(&request));
        }
        Ok(Message::Response(response)) => {
            let _ = (response.check(), response.reason(), response.identity().map(|who| who.best(true)));
            ask(&response);
            again(&response, copy(&response));
        }
        Err(error) => assert!(error.offset() <= data.len() && !error.to_string().is_empty()),
    }
}

/// What is read as STUN is what its answer says of it.
fn stun(data: &[u8]) {
    let Some(stun) = Stun::parse(data) else { return };
    assert!(is_stun(data));
    let source = ([192, 0, 2, 1], 5060).into();
    if let Stun::Request { id, unknown } = stun {
        let answer = match unknown.is_empty() {
            true => Stun::Success { id, mapped: Some(source) },
            false => Stun::Error { id },
        };
        assert_eq!(Stun::parse(&Stun::answer(&id, &unknown, source)), Some(answer));
    }
}

/// What every answer is made of.
const COPIED: [Name; 7] = [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq, Name::RecordRoute, Name::Subject];

fn answer(request: &Request) -> Bytes {
    let mut builder = Builder::response(StatusCode::OK, None);
    for name in COPIED {
        builder.copy(name, request);
    }
    builder.finish().expect("what was received can be copied")
}

fn copy(response: &Response) -> Bytes {
    let mut builder =
        Builder::response(response.status(), Some(response.reason()).filter(|text| !text.contains(['\r', '\0'])));
    for name in COPIED {
        builder.copy(name, response);
    }
    match builder.finish() {
        Ok(bytes) => bytes,
        Err(error) => panic!("{error}"),
    }
}

/// What was copied reads as it did.
fn again(fields: &Fields, copied: Bytes) {
    let limits = Limits { message: usize::MAX, ..Limits::default() };
    let message = Message::parse(copied, &limits).expect("what was written can be read");
    let copied = message.fields();
    for name in COPIED {
        assert_eq!(copied.count(name), fields.count(name), "{name}");
    }
    let plain = |text: &str| text.replace(['\r', '\n'], " ");
    // What could not be read may be readable now: a stray CR is a blank in the copy.
    if let Ok(before) = fields.call_id() {
        assert_eq!(copied.call_id(), Ok(before));
    }
    if let Ok(before) = fields.cseq() {
        assert_eq!(copied.cseq(), Ok(before));
    }
    if let (Ok(to), Ok(before)) = (copied.to(), fields.to()) {
        assert_eq!((to.as_str(), to.tag()), (&*plain(before.as_str()), before.tag().map(plain).as_deref()));
    }
}

/// Everything a message can be asked.
pub fn ask(fields: &Fields) {
    let names: Vec<Name> = fields.iter().map(|(name, _)| Name::parse(name)).collect();
    for name in names {
        let _ = (fields.text(name), fields.number(name), fields.address(name).map(|found| found.map(address)));
        let _ = (fields.item(name), fields.items(name).count(), fields.replaces(name), fields.auth_info(name));
        let _ = (fields.addresses(name).flatten().map(address).last(), fields.tokens(name).count());
        for challenge in fields.challenges(name).flatten() {
            let _ = (challenge.param("realm"), challenge.params().iter().count());
        }
    }
    for contact in fields.contacts().flatten() {
        contact.address().copied().map(address);
    }
    for via in fields.vias().flatten() {
        let _ = (via.rfc3261_branch(), via.received(), via.rport(), via.maddr(), via.params.iter().count());
        assert!(Via::parse(via.as_str()).is_ok(), "{:?}", via.as_str());
    }
    let _ = (fields.via(), fields.from().map(address), fields.to().map(address), fields.call_id(), fields.cseq());
    let _ = (fields.rack(), fields.content_type(), fields.max_forwards(), fields.expires(), fields.privacy());
    let _ = (fields.session_expires(), fields.min_se(), fields.date(), fields.auto_answer(), fields.refer_sub());
    let _ = (fields.event(), fields.subscription_state(), fields.retry_after(), fields.referred_by());
    let _ = (fields.priority(), fields.mime_version(), fields.in_reply_to().count());
    if let Ok(Some(timestamp)) = fields.timestamp() {
        assert_eq!(Timestamp::parse(&timestamp.to_string()), Ok(timestamp));
    }
    for name in [Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage] {
        assert!(fields.preferences(name).flatten().all(|found| found.quality <= 1000));
    }
    for reason in fields.reasons().flatten() {
        assert_eq!(ReasonRef::parse(reason.as_str()).unwrap().cause, reason.cause);
    }
    for entry in fields.history().flatten() {
        let _ = (entry.cause(), entry.privacy(), entry.index_numbers().count());
    }
    for diversion in fields.diversions().flatten() {
        let _ = (diversion.reason(), diversion.is_private());
    }
    for warning in fields.warnings().flatten() {
        assert_eq!(WarningRef::parse(&warning.to_string()).unwrap().text(), warning.text());
    }
    for uui in fields.user_to_user().flatten() {
        let _ = (uui.octets(), uui.purpose());
    }
    if let Ok(Some(target)) = fields.refer_to() {
        let _ = (target.wanted().count(), target.replaces().map(|found| found.is_ok()));
    }
    let _ = (body::find(fields, "application/sdp"), body::not_understood(fields, |found| found == "application/sdp"));
}

fn address(address: NameAddrRef<'_>) {
    let _ = (address.tag(), address.params.decoded("x"), address.uri().map(uri_view));
    assert!(NameAddrRef::parse(address.as_str()).is_ok(), "{:?}", address.as_str());
    let tagged = address.to_owned().with_param("tag", Some("a b"));
    let view = tagged.view();
    assert_eq!(view.uri_text(), address.uri_text());
    assert_eq!(view.tag(), Some("a b"));
    assert_eq!(tagged.without_params().view().params.as_str(), "");
}

fn uri_view(uri: UriRef<'_>) {
    assert!(uri.equivalent(&uri), "{uri:?}");
    if let UriRef::Sip(sip) = uri {
        let _ = (sip.user_decoded(), sip.transport(), sip.is_loose_router(), sip.header_fields().count());
    }
}

/// A stream, cut anywhere: the frames do not depend on how.
pub fn stream(data: &[u8]) {
    let mut input = Input::new(data);
    let opener = input.byte() & 1 == 1;
    let cuts: Vec<usize> = (0..4).map(|_| usize::from(input.byte()).max(1)).collect();
    let stream = input.rest();
    let whole = frames(stream, &[stream.len().max(1)], opener);
    assert_eq!(whole, frames(stream, &cuts, opener));
    assert_eq!(whole, frames(stream, &[1], opener));
}

fn frames(stream: &[u8], cuts: &[usize], opener: bool) -> (Vec<Frame>, bool) {
    let limits = Limits { message: 2048, headers: 32, line: 512 };
    let mut decoder = if opener { StreamDecoder::for_opener(&limits) } else { StreamDecoder::new(&limits) };
    let mut frames = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        let (chunk, after) = rest.split_at((*cut).min(rest.len()));
        rest = after;
        decoder.push(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
        assert!(decoder.pending() <= limits.message + chunk.len());
        if rest.is_empty() {
            break;
        }
    }
    for frame in &frames {
        if let Frame::Message(bytes) = frame {
            let _ = Message::parse(bytes.clone(), &limits);
        }
    }
    (frames, false)
}

/// A text as a URI, as an address, and as every small value.
pub fn uri(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (unescape(&text), Privacy::parse(&text), Replaces::parse(&text).is_ok());
    assert_eq!(unescape(&escape_user(&text)), text);
    if let Ok(uri) = Uri::parse(&text) {
        uri_view(uri.view());
        let with = uri.with_param("lr", None);
        assert!(Uri::parse(with.as_str()).is_ok(), "{with}");
        let _ = (uri.without_param("lr"), uri.request_uri());
        assert!(Uri::parse(uri.request_uri().as_str()).is_ok());
    }
    if let Ok(found) = NameAddr::parse(&text) {
        address(found.view());
    }
    if let Ok(mut target) = ReferTarget::parse(&text) {
        // What cannot stand in quotation marks becomes a space.
        target.display_name = target.display_name.map(|name| name.replace(['\r', '\n', '\0'], " ").into());
        let printed = target.to_string();
        assert_eq!(ReferTarget::parse(&printed).as_ref(), Ok(&target), "{printed}");
    }
    if let Ok(state) = SubscriptionStateRef::parse(&text) {
        let printed = state.to_string();
        assert_eq!(SubscriptionStateRef::parse(&printed), Ok(state), "{printed}");
    }
    if let Ok(expires) = SessionExpires::parse(&text) {
        assert_eq!(SessionExpires::parse(&expires.to_string()), Ok(expires));
    }
    if let Ok(date) = Date::parse(&text) {
        assert_eq!(Date::parse(&date.to_string()), Ok(date));
    }
    let errors = [
        UriRef::parse(&text).err(),
        NameAddrRef::parse(&text).err(),
        Via::parse(&text).err(),
        ReasonRef::parse(&text).err(),
        EventRef::parse(&text).err(),
        WarningRef::parse(&text).err(),
        RetryAfter::parse(&text).err(),
        ReferTarget::parse(&text).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(error.offset() <= text.len(), "{error}");
    }
}
