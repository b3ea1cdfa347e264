//! Requests within an established call that change nothing about it: INFO (RFC 6086) and digits by INFO.

use bytes::Bytes;

use super::capabilities::TRICKLE;
use super::event::{CallEvent, CallId, CallState, Dtmf, OpId, Outcome};
use super::outgoing::Purpose;
use super::{Endpoint, Error, Refusal};
use crate::arena::Key;
use crate::message::{Method, Name, Request, Response, StatusCode};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::Path;

/// Durations of a digit that make sense, in milliseconds (RFC 4733 allows more; INFO relays clamp to these).
const DURATION: std::ops::RangeInclusive<u32> = 40..=6000;

impl Endpoint {
    /// Sends an INFO within a call. Done when the other side took it.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless the call is established; [`Error::Status`] if it was refused.
    pub fn info(&mut self, now: Instant, call: CallId, content_type: &str, body: Bytes) -> OpId {
        self.info_of(now, call, None, content_type, body)
    }

    /// Sends an INFO of a package (RFC 6086 4.2.1). Done when the other side took it.
    ///
    /// # Errors
    ///
    /// [`Error::State`] also if the other side takes no such package; the rest as [`info`](Endpoint::info).
    pub fn info_package(&mut self, now: Instant, call: CallId, package: &str, content_type: &str, body: Bytes) -> OpId {
        self.info_of(now, call, Some(package), content_type, body)
    }

    fn info_of(&mut self, now: Instant, call: CallId, package: Option<&str>, content_type: &str, body: Bytes) -> OpId {
        let op = self.op();
        if let Err(error) = self.try_info(now, call, package, (content_type, body), op) {
            self.done(op, Err(error));
        }
        self.pump(now);
        op
    }

    /// Sends one digit by INFO (`application/dtmf-relay`), for a peer that takes no RFC 4733 events.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for anything but `0`-`9`, `*`, `#`, `A`-`D`; the rest as [`info`](Endpoint::info).
    pub fn dtmf(&mut self, now: Instant, call: CallId, tone: char, duration: u32) -> OpId {
        let tone = tone.to_ascii_uppercase();
        if !is_digit(tone) {
            let op = self.op();
            self.done(op, Err(Error::input("tone", 0, "a digit is one of 0-9, *, #, A-D")));
            return op;
        }
        let mut body = String::from("Signal=");
        body.push(tone);
        body.push_str("\r\nDuration=");
        body.push_str(&duration.clamp(*DURATION.start(), *DURATION.end()).to_string());
        body.push_str("\r\n");
        self.info(now, call, "application/dtmf-relay", body.into())
    }

    fn try_info(
        &mut self,
        now: Instant,
        call: CallId,
        package: Option<&str>,
        (content_type, body): (&str, Bytes),
        op: OpId,
    ) -> Result<(), Error> {
        let entry = self.calls.get_mut(call.0).ok_or(super::callee::GONE)?;
        if entry.state != CallState::Established {
            return Err(Error::State("the call is not established"));
        }
        if package.is_some_and(|package| !entry.takes_info.split(',').any(|taken| taken.eq_ignore_ascii_case(package)))
        {
            return Err(Error::State("the other side does not take this package of INFO"));
        }
        let mut dialog = entry.dialog().cloned().ok_or(super::callee::GONE)?;
        let purpose = Purpose::Info(call.0, op);
        let mut outgoing = self.dialog_request(&mut dialog, purpose, Method::Info).body(content_type, body);
        if let Some(package) = package {
            outgoing = outgoing.header("Info-Package", package).header("Content-Disposition", "Info-Package");
        }
        if let Some(slot) = self.calls.get_mut(call.0).and_then(|call| call.dialog_mut()) {
            slot.raise_cseq(dialog.local_cseq());
        }
        self.send_request(now, outgoing);
        Ok(())
    }

    pub(super) fn on_info_answered(
        &mut self,
        now: Instant,
        call: Key,
        op: OpId,
        heard: bool,
        result: Result<(&Response, Path), Error>,
    ) {
        let result = result.and_then(|(response, _)| match response.status().is_success() {
            true => Ok(Outcome::Done),
            false => Err(Error::Status(Refusal::of(response.status(), response.reason(), response))),
        });
        self.done(op, result.clone());
        if let Err(error) = result {
            self.end_if_gone(now, call, error, heard);
        }
    }

    pub(super) fn on_info(&mut self, now: Instant, key: Key, server: ServerId, request: &Request, source: Path) {
        let package: Option<Box<str>> = request.item(Name::InfoPackage).map(|item| item.value.into());
        if package.as_deref().is_some_and(|package| !self.takes_info(package)) {
            let taken = self.recv_info();
            return self.refuse(now, server, request, source, StatusCode::BAD_INFO_PACKAGE, &[("Recv-Info", &taken)]);
        }
        let content_type: Box<str> = request.content_type().ok().flatten().unwrap_or_default().into();
        let body = request.body_bytes();
        if package.as_deref().is_some_and(|package| package.eq_ignore_ascii_case(TRICKLE)) {
            self.reply(now, server, request, source, StatusCode::OK);
            return self.on_candidates(now, key, &body);
        }
        let dtmf = parse_dtmf(&content_type, &body);
        self.reply(now, server, request, source, StatusCode::OK);
        self.tell_call(now, key, CallEvent::Info { package, content_type, body, dtmf });
    }
}

fn is_digit(tone: char) -> bool {
    matches!(tone, '0'..='9' | '*' | '#' | 'A'..='D')
}

/// Reads `Signal=5\r\nDuration=160` (`application/dtmf-relay`) or a bare digit (`application/dtmf`).
fn parse_dtmf(content_type: &str, body: &[u8]) -> Option<Dtmf> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let text = std::str::from_utf8(body).ok()?;
    let (mut tone, mut duration) = (None, 250);
    if essence.eq_ignore_ascii_case("application/dtmf") {
        tone = text.trim().chars().next();
    } else if essence.eq_ignore_ascii_case("application/dtmf-relay") {
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=') else { continue };
            match name.trim() {
                name if name.eq_ignore_ascii_case("signal") => tone = value.trim().chars().next(),
                name if name.eq_ignore_ascii_case("duration") => duration = value.trim().parse().unwrap_or(duration),
                _ => {}
            }
        }
    }
    let tone = tone?.to_ascii_uppercase();
    is_digit(tone).then_some(Dtmf { tone, duration })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_digits_in_both_forms() {
        let relay = parse_dtmf("application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n");
        assert_eq!(relay, Some(Dtmf { tone: '5', duration: 160 }));
        assert_eq!(parse_dtmf("application/dtmf", b"#"), Some(Dtmf { tone: '#', duration: 250 }));
        assert_eq!(parse_dtmf("application/dtmf-relay", b"Signal=?"), None);
        assert_eq!(parse_dtmf("text/plain", b"5"), None);
    }
}
