//! What the endpoint itself reads in and does to descriptions: where they are, and who holds whom.

use bytes::Bytes;

use super::content::SDP;
use crate::body::Multipart;
use crate::message::{Fields, Item, Name};
use crate::sdp::{self, Direction, SdpRef, SessionDescription, Setup};

/// The session description a message carries, alone or as a part of a multipart body (RFC 5621). One for early media of
/// its own (RFC 3959) is not the session's. It shares the message's memory; what is kept is [`sdp_of`].
pub(super) fn description_in(fields: &Fields) -> Option<Bytes> {
    if fields.body().is_empty() {
        return None;
    }
    let is_session = |disposition: Option<Item<'_>>| {
        disposition.is_none_or(|item| !item.value.eq_ignore_ascii_case("early-session"))
    };
    if fields.content_type().ok().flatten()?.eq_ignore_ascii_case(SDP) {
        return is_session(fields.item(Name::ContentDisposition)).then(|| fields.body_bytes());
    }
    let multipart = Multipart::of(fields).ok().flatten()?;
    multipart.find(|part| part.is(SDP) && is_session(part.disposition())).map(|part| part.body().clone())
}

/// The same with memory of its own: it stays when the message goes.
pub(super) fn sdp_of(fields: &Fields) -> Option<Bytes> {
    description_in(fields).map(|description| Bytes::copy_from_slice(&description))
}

/// Whether the writer of this description takes nothing in: the other side is on hold. A description that cannot be
/// read holds nobody.
pub(super) fn holds_us(remote: &[u8]) -> bool {
    // Hardly any description holds: one without such lines is not taken apart to see it.
    may_hold(remote) && SdpRef::parse(remote).is_ok_and(|remote| sdp::is_held_by_remote(&remote))
}

fn may_hold(description: &[u8]) -> bool {
    let mut start = 0;
    memchr::memchr_iter(b'\n', description).chain([description.len()]).any(|end| {
        let line = description.get(start..end).unwrap_or_default();
        start = end.saturating_add(1);
        match line {
            [b'a', b'=', name @ ..] => name.starts_with(b"sendonly") || name.starts_with(b"inactive"),
            // 0.0.0.0 and :: in all their forms.
            [b'c', b'=', ..] => line.windows(2).any(|pair| matches!(pair, [b' ', b'0' | b':'])),
            _ => false,
        }
    })
}

/// Whether our description holds the other side.
pub(super) fn is_held(local: &[u8]) -> bool {
    holds_us(local)
}

/// Whether no media flows either way, so that the answer tells nothing about the other side's hold.
pub(super) fn is_inactive(description: &[u8]) -> bool {
    SdpRef::parse(description).is_ok_and(|description| {
        let mut streams = description.media().filter(|media| !media.is_rejected()).peekable();
        streams.peek().is_some() && streams.all(|media| media.direction() == Direction::Inactive)
    })
}

/// Our description as a new offer, with or without hold.
pub(super) fn offer_with_hold(local: &[u8], hold: bool) -> Option<Bytes> {
    let current = SessionDescription::parse(local).ok()?;
    let next = if hold { sdp::hold(&current) } else { sdp::resume(&current) };
    Some(next.to_bytes())
}

/// Our description in force once more, after another was offered in vain: of a version beyond that one's.
pub(super) fn offer_again(local: &[u8], failed: &[u8]) -> Option<Bytes> {
    let mut next = SessionDescription::parse(local).ok()?;
    sdp::continue_session(&SdpRef::parse(failed).ok()?, &mut next);
    Some(next.to_bytes())
}

/// Our description as the answer to an offer with the same streams: the directions the offer leaves us, with hold
/// where this side holds. `None` if the streams are not the same: that needs the application.
pub(super) fn answer_with_hold(local: &[u8], offer: &[u8], hold: bool) -> Option<Bytes> {
    let offer = SdpRef::parse(offer).ok()?;
    let current = SessionDescription::parse(local).ok()?;
    let mut next = current.clone();
    if offer.media().count() != next.media_count() {
        return None;
    }
    for (section, media) in next.media_iter_mut().zip(offer.media()) {
        let offered = media.direction();
        // A stream that ends here is ended in the answer, too (RFC 3264 6).
        if media.is_rejected() {
            section.set_port(0);
        }
        let wanted = if hold { Direction::SendOnly } else { Direction::SendRecv };
        section.set_direction(offered.answer(wanted));
    }
    sdp::continue_session(&current.view(), &mut next);
    Some(next.to_bytes())
}

/// Whether two descriptions of the other side say the same, whatever their versions. One that was an offer left open who
/// opens the connection; what our description in force left it is nothing new then (RFC 5763 5).
pub(super) fn says_same(local: &[u8], before: &[u8], after: &[u8]) -> bool {
    let (Ok(local), Ok(before), Ok(after)) = (SdpRef::parse(local), SdpRef::parse(before), SdpRef::parse(after)) else {
        return before == after;
    };
    let mut known = before.to_description();
    for ((section, theirs), ours) in known.media_iter_mut().zip(before.media()).zip(local.media()) {
        let role = ours.setup().filter(|role| matches!(role, Setup::Active | Setup::Passive));
        if let (Some(Setup::ActPass), Some(role)) = (theirs.setup(), role) {
            section.set_attribute("setup", Some(role.answer().as_str()));
        }
    }
    sdp::is_same(&known.view(), &after)
}

/// Our description as the answer to an offer that is the other side's description in force, its version included: the same
/// once more, as far as it can stand in an answer. `None` for any other offer.
pub(super) fn answer_to_same(local: &[u8], remote: &[u8], offer: &[u8]) -> Option<Bytes> {
    if remote != offer {
        return None;
    }
    let offer = SdpRef::parse(offer).ok()?;
    let current = SessionDescription::parse(local).ok()?;
    if offer.media().count() != current.media_count() {
        return None;
    }
    let mut next = current.clone();
    for ((section, ours), theirs) in next.media_iter_mut().zip(current.view().media()).zip(offer.media()) {
        let direction = theirs.direction().answer(ours.direction());
        if direction != ours.direction() {
            section.set_direction(direction);
        }
        if theirs.is_rejected() && !ours.is_rejected() {
            section.set_port(0);
        }
        // An answer says who opens the connection: as it was agreed on when ours was the offer (RFC 5763 5).
        if ours.setup() == Some(Setup::ActPass) {
            let role = theirs.setup().filter(|role| matches!(role, Setup::Active | Setup::Passive))?;
            section.set_attribute("setup", Some(role.answer().as_str()));
        }
    }
    sdp::continue_session(&current.view(), &mut next);
    Some(next.to_bytes())
}
