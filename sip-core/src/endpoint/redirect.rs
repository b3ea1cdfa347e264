//! Redirection (RFC 3261 8.1.3.4): where a 3xx says a call may be tried next. The application is told; where it wants that,
//! the endpoint follows by itself, in the same call.

use std::collections::VecDeque;

use super::Endpoint;
use super::call::{Negotiation, Setup};
use super::connection::Hop;
use super::event::{CallEvent, CallState};
use super::locate::Whereabouts;
use super::outgoing::Outgoing;
use super::size::Length;
use crate::arena::Key;
use crate::auth::Attempt;
use crate::dialog::Text;
use crate::message::{ContactValue, Fields, NameAddr, Response, StatusCode, Uri, UriRef};
use crate::time::Instant;

/// How many contacts of a response are looked at.
const CONTACTS: usize = 16;

/// Where a call has been, and where it may still go.
#[derive(Debug, Default)]
pub(super) struct Redirection {
    /// How many more times it may be sent elsewhere.
    pub(super) left: u8,
    tried: Vec<Uri>,
    /// The best first.
    next: VecDeque<Uri>,
}

impl Redirection {
    pub(super) fn new(left: u8, target: Uri) -> Redirection {
        Redirection { left, tried: vec![target], next: VecDeque::new() }
    }

    /// Takes in contacts, the best first: before those of earlier responses, each once, a `sips:` call only to `sips:`.
    fn add(&mut self, contacts: &[NameAddr], secure: bool) {
        let mut new = VecDeque::new();
        for contact in contacts {
            let Ok(uri) = contact.view().uri() else { continue };
            let fits = match &uri {
                UriRef::Sip(sip) => sip.secure || !secure,
                UriRef::Tel { .. } => !secure,
                UriRef::Other { .. } => false,
            };
            let known = self.tried.iter().chain(&self.next).chain(&new).any(|known| known.view().equivalent(&uri));
            if let (true, false, Ok(uri)) = (fits, known, Uri::parse(contact.view().uri_text())) {
                new.push_back(uri.request_uri());
            }
        }
        new.append(&mut self.next);
        new.truncate(CONTACTS);
        self.next = new;
    }

    fn take(&mut self) -> Option<Uri> {
        let left = self.left.checked_sub(1)?;
        let target = self.next.pop_front()?;
        self.left = left;
        self.tried.push(target.clone());
        Some(target)
    }
}

impl Endpoint {
    /// Where a call goes after this failure, if the application wants redirections followed and there is a place left.
    pub(super) fn next_target(&mut self, key: Key, outgoing: &Outgoing, response: Option<&Response>) -> Option<Uri> {
        let call = self.calls.get_mut(key).filter(|call| !call.is_ending())?;
        match response.map(|response| (response, response.status().code())) {
            // 305 names a proxy, 380 another service: neither is a place where the callee is.
            Some((_, 305 | 380)) => {}
            Some((response, 300..=399)) => call.redirection.add(&contacts(response), outgoing.is_sips()),
            // Nobody anywhere wants this call (21.6).
            Some((_, 600..)) => call.redirection.next.clear(),
            _ => {}
        }
        call.redirection.take()
    }

    /// Sends the INVITE elsewhere: the same call, with the next CSeq.
    pub(super) fn go_elsewhere(
        &mut self,
        now: Instant,
        key: Key,
        mut outgoing: Outgoing,
        target: &Uri,
        cause: (StatusCode, &str),
    ) {
        // The forks of the first INVITE are over with it.
        self.drop_fork_offers(now, key, "", false);
        outgoing.uri = target.as_str().into();
        outgoing.router = Some(target.as_str().into());
        outgoing.hop = Hop::Server;
        outgoing.cseq = outgoing.cseq.saturating_add(1);
        outgoing.attempt = Attempt::default();
        outgoing.challenge = None;
        outgoing.authorization.clear();
        (outgoing.length, outgoing.whereabouts) = (Length::Fits, Whereabouts::default());
        (outgoing.client, outgoing.path, outgoing.longer) = (None, None, 0);
        let request = self.outgoing.insert(outgoing);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.setup = Setup::Calling { outgoing: request };
        call.dialogs.clear();
        call.legs.clear();
        call.negotiation = Negotiation::Idle;
        call.takes_update = None;
        call.remote_sdp = None;
        call.names.set(Text::Target, target.as_str());
        let (status, phrase) = (cause.0, cause.1.into());
        self.set_state(now, key, CallState::Calling, "sent elsewhere");
        self.wait_for_progress(now, key, false);
        self.tell_call(now, key, CallEvent::Redirected { status, phrase, target: target.clone() });
        self.try_request(now, request);
    }
}

/// The contacts of a response, those with the highest `q` first.
pub(super) fn contacts(fields: &Fields) -> Vec<NameAddr> {
    let address = |contact: ContactValue<'_>| {
        let address = *contact.address()?;
        address.uri().ok()?;
        Some((quality(address.params.value("q")), address.to_owned()))
    };
    let mut found: Vec<(u16, NameAddr)> = fields.contacts().flatten().filter_map(address).take(CONTACTS).collect();
    found.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    found.into_iter().map(|(_, address)| address).collect()
}

/// A `q` in thousandths; 1 where there is none, or none that can be read.
fn quality(value: Option<&str>) -> u16 {
    let read = |value: &str| {
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        let mut digits = fraction.bytes().chain(*b"000").take(3);
        let thousandths = digits.try_fold(0_u16, |sum, digit| {
            let digit = u16::from(char::from(digit).to_digit(10)? as u8);
            sum.checked_mul(10)?.checked_add(digit)
        })?;
        match whole {
            "0" | "" => Some(thousandths),
            "1" => Some(1000),
            _ => None,
        }
    };
    value.and_then(read).unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities() {
        for (value, thousandths) in [
            ("1", 1000),
            ("0.5", 500),
            ("0.125", 125),
            ("0", 0),
            (".7", 700),
            ("1.0", 1000),
            ("7", 1000),
            ("0.x", 1000),
        ] {
            assert_eq!(quality(Some(value)), thousandths, "{value}");
        }
        assert_eq!(quality(None), 1000);
    }
}
