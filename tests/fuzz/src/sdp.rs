//! Session descriptions.

use std::net::Ipv4Addr;

use bytes::Bytes;
use offhook_core::sdp::negotiate::{Capabilities, Local, answer, check_answer, complete, offer};
use offhook_core::sdp::{OfferAnswer, SdpRef, SessionDescription, continue_session, hold, is_held_by_remote, resume};

/// A description: read, edited, answered, written, read back.
pub fn sdp(data: &[u8]) {
    let description = match SessionDescription::parse(data) {
        Ok(description) => description,
        Err(error) => {
            assert!(error.offset() <= data.len() && !error.to_string().is_empty());
            return;
        }
    };
    let view = description.view();
    ask(&view);
    let written = description.to_bytes();
    let read = SessionDescription::parse(&written).expect("what was written can be read");
    assert_eq!(read.to_bytes(), written);
    let held = hold(&description);
    let _ = SessionDescription::parse(&resume(&held).to_bytes()).expect("what was held can be resumed");
    let mut next = held.clone();
    continue_session(&view, &mut next);
    let _ = SessionDescription::parse(&next.to_bytes()).expect("what goes on can be read");

    let (ours, local) = (Capabilities::default(), Local::new(Ipv4Addr::LOCALHOST, 4000));
    if let Ok((answered, _)) = answer(&view, &ours, &local) {
        let bytes = answered.to_bytes();
        let answered = SdpRef::parse(&bytes).expect("an answer can be read");
        check_answer(&view, &answered).expect("our own answer fits the offer");
    }
    let offered = offer(&ours, &local);
    let _ = (complete(&offered.view(), &view).is_ok(), check_answer(&offered.view(), &view).is_ok());
    let mut exchange = OfferAnswer::new();
    let _ = (exchange.receive_offer(Bytes::copy_from_slice(data)), exchange.send_answer(written));
}

fn ask(view: &SdpRef<'_>) {
    let session = view.session();
    let _ = (view.origin().is_some(), view.bundles().count(), is_held_by_remote(view));
    let _ = (session.lines().count(), session.attributes().count(), session.direction());
    for media in view.media() {
        let _ = (
            media.line(),
            media.kind(),
            media.section().direction(),
            media.section().attributes().count(),
            media.connection().is_some(),
        );
    }
}
