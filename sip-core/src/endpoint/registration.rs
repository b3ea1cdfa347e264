//! The registration (RFC 3261 10.2): made, refreshed, made again after a loss, and taken back.

use std::time::Duration;

use super::connection::Hop;
use super::event::{Event, OpId, Outcome, RegistrationState};
use super::outgoing::{Outgoing, Purpose};
use super::{Config, Endpoint, Error, Refusal, Timer};
use crate::arena::Key;
use crate::entropy::Entropy;
use crate::message::{ContactValue, Method, Name, NameAddr, Response, StatusCode, UriRef};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::Path;

/// The first wait before a lost registration is tried again, and the longest (RFC 5626 4.5 in spirit).
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));
/// A registrar that answers 423 again and again is not followed for ever.
const INTERVAL_ROUNDS: u32 = 3;

#[derive(Debug)]
pub(super) struct Registration {
    call_id: Box<str>,
    tag: Box<str>,
    cseq: u32,
    /// Seconds to ask for; raised by 423.
    expires: u32,
    intervals: u32,
    /// The application wants to be registered.
    wanted: bool,
    /// The registrar has a binding of ours, as far as we know.
    bound: bool,
    in_flight: Option<Key>,
    timer: Option<TimerId>,
    failures: u32,
    register_ops: Vec<OpId>,
    unregister_ops: Vec<OpId>,
}

impl Registration {
    pub(super) fn new(config: &Config, entropy: &mut Entropy) -> Registration {
        Registration {
            call_id: entropy.call_id(),
            tag: entropy.tag(),
            cseq: 0,
            // Nothing at all would be the wish to be unregistered.
            expires: u32::try_from(config.expires.as_secs()).unwrap_or(u32::MAX).max(1),
            intervals: 0,
            wanted: false,
            bound: false,
            in_flight: None,
            timer: None,
            failures: 0,
            register_ops: Vec::new(),
            unregister_ops: Vec::new(),
        }
    }

    /// One Call-ID and a rising CSeq for all registrations of this endpoint (10.2).
    pub(super) fn next_cseq(&mut self) -> u32 {
        self.cseq = self.cseq.saturating_add(1);
        self.cseq
    }

    /// Whether there is or may be a binding to take back.
    pub(super) fn is_bound(&self) -> bool {
        self.bound || self.in_flight.is_some()
    }
}

impl Endpoint {
    /// Registers the address of record. Done when the registrar said 2xx; refreshed by itself from then on, and made
    /// again after a loss.
    pub fn register(&mut self, now: Instant) -> OpId {
        let op = self.op();
        if let Err(error) = self.may_begin() {
            self.done(op, Err(error));
            return op;
        }
        self.registration.wanted = true;
        self.registration.register_ops.push(op);
        self.registration.failures = 0;
        self.registration.intervals = 0;
        if self.registration.in_flight.is_none() {
            self.send_register(now);
        }
        self.pump(now);
        op
    }

    /// Takes the registration back. Done when the registrar said 2xx, or at once if there is none.
    pub fn unregister(&mut self, now: Instant) -> OpId {
        let op = self.op();
        self.registration.wanted = false;
        self.stop_register_timer();
        for waiting in std::mem::take(&mut self.registration.register_ops) {
            self.done(waiting, Err(Error::Cancelled));
        }
        if !self.registration.is_bound() {
            self.done(op, Ok(Outcome::Done));
        } else {
            self.registration.unregister_ops.push(op);
            if self.registration.in_flight.is_none() {
                self.send_register(now);
            }
        }
        self.pump(now);
        op
    }

    /// Whether the registrar has our binding.
    pub fn is_registered(&self) -> bool {
        self.registration.bound && self.registration.wanted
    }

    fn send_register(&mut self, now: Instant) {
        self.stop_register_timer();
        let registrar = self.config.registrar();
        let from = {
            let tag = self.registration.tag.clone();
            self.local_address(&tag)
        };
        let to = NameAddr::new(self.config.display_name.as_deref(), &self.config.aor);
        let cseq = self.registration.next_cseq();
        let call_id = self.registration.call_id.clone();
        let mut outgoing =
            Outgoing::new(Purpose::Register, Method::Register, &registrar, &from, to.as_str(), &call_id, cseq);
        outgoing.hop = Hop::Server;
        outgoing.contact = true;
        let expires = if self.registration.wanted { self.registration.expires } else { 0 };
        outgoing = outgoing.header("Expires", &expires.to_string());
        if self.registration.wanted && !self.registration.bound {
            self.tell_registration(now, RegistrationState::Registering);
        }
        let key = self.outgoing.insert(outgoing);
        self.registration.in_flight = Some(key);
        self.try_request(now, key);
    }

    pub(super) fn on_registered(&mut self, now: Instant, outgoing: Outgoing, result: Result<(&Response, Path), Error>) {
        self.registration.in_flight = None;
        let asked_nothing = outgoing.headers.iter().any(|(name, value)| &**name == "Expires" && &**value == "0");
        match result {
            Ok((response, _)) if response.status().is_success() && asked_nothing => self.unbound(now),
            Ok((response, path)) if response.status().is_success() => self.bound(now, response, path),
            Ok((response, _))
                if response.status() == StatusCode::INTERVAL_TOO_BRIEF && self.raise_interval(response) =>
            {
                self.send_register(now);
            }
            Ok((response, _)) => {
                let refusal = Refusal::of(response.status(), response.reason(), response);
                let wait = refusal.retry_after.map(|seconds| Duration::from_secs(seconds.into()));
                self.registration_failed(now, Error::Status(refusal), wait, asked_nothing);
            }
            Err(error) => {
                if matches!(error, Error::Timeout(_)) {
                    self.suspect_connection();
                }
                self.registration_failed(now, error, None, asked_nothing);
            }
        }
    }

    fn bound(&mut self, now: Instant, response: &Response, path: Path) {
        let expires = self.granted(response, path);
        self.registration.failures = 0;
        self.registration.intervals = 0;
        self.registration.bound = true;
        if !self.registration.wanted {
            return self.send_register(now); // taken back while it was on its way
        }
        let at = now + refresh_after(expires, self.entropy.below(1000));
        self.registration.timer = Some(self.timers.insert(at, Timer::Register));
        self.tell_registration(now, RegistrationState::Registered { expires });
        for op in std::mem::take(&mut self.registration.register_ops) {
            self.done(op, Ok(Outcome::Registered { expires }));
        }
    }

    /// The lifetime of our own contact among those listed (10.2.4), else of the whole answer, else what was asked.
    fn granted(&self, response: &Response, path: Path) -> u32 {
        let ours = self.contact_uri(path, self.config.is_sips());
        let ours = UriRef::parse(&ours).ok();
        let listed = response.contacts().flatten().find_map(|contact| match contact {
            ContactValue::Address(address) => {
                let same = match (&ours, address.uri()) {
                    (Some(ours), Ok(uri)) => ours.equivalent(&uri),
                    _ => false,
                };
                if same { address.params.value("expires")?.parse().ok() } else { None }
            }
            ContactValue::Star => None,
        });
        listed.or(response.expires().ok().flatten()).unwrap_or(self.registration.expires)
    }

    fn unbound(&mut self, now: Instant) {
        self.registration.bound = false;
        self.tell_registration(now, RegistrationState::Unregistered);
        for op in std::mem::take(&mut self.registration.unregister_ops) {
            self.done(op, Ok(Outcome::Done));
        }
        if self.registration.wanted {
            self.send_register(now); // wanted again while it was on its way
        }
    }

    /// 423 (10.3): ask for the registrar's minimum.
    fn raise_interval(&mut self, response: &Response) -> bool {
        let Ok(Some(minimum)) = response.number(Name::MinExpires) else { return false };
        self.registration.intervals = self.registration.intervals.saturating_add(1);
        if minimum <= self.registration.expires || self.registration.intervals > INTERVAL_ROUNDS {
            return false;
        }
        self.registration.expires = minimum;
        self.registration.wanted
    }

    fn registration_failed(&mut self, now: Instant, error: Error, wait: Option<Duration>, taking_back: bool) {
        if taking_back {
            // The binding runs out by itself; for the application it is gone.
            self.registration.bound = false;
            self.tell_registration(now, RegistrationState::Unregistered);
            for op in std::mem::take(&mut self.registration.unregister_ops) {
                self.done(op, Err(error.clone()));
            }
            if self.registration.wanted {
                self.send_register(now);
            }
            return;
        }
        let had = std::mem::replace(&mut self.registration.bound, false);
        let state = match self.registration.wanted {
            true => RegistrationState::Failed(error.clone()),
            false => RegistrationState::Unregistered, // taken back while it was on its way
        };
        self.tell_registration(now, state);
        let ops = std::mem::take(&mut self.registration.register_ops);
        // A first registration that fails is the application's to try again; a lost one is ours.
        let lasting = ops.is_empty() || had;
        for op in ops {
            self.done(op, Err(error.clone()));
        }
        for op in std::mem::take(&mut self.registration.unregister_ops) {
            self.done(op, Ok(Outcome::Done));
        }
        let hopeless = matches!(&error, Error::Authentication { .. })
            || matches!(&error, Error::Status(refusal) if matches!(refusal.status.code(), 403 | 404));
        if self.registration.wanted && lasting && !hopeless {
            let wait = wait.unwrap_or_else(|| retry_after(self.registration.failures, self.entropy.below(1000)));
            self.registration.failures = self.registration.failures.saturating_add(1);
            self.registration.timer = Some(self.timers.insert(now + wait, Timer::Register));
        } else {
            self.registration.wanted = false;
        }
    }

    pub(super) fn on_register_timer(&mut self, now: Instant) {
        self.registration.timer = None;
        if self.registration.wanted && self.registration.in_flight.is_none() {
            self.send_register(now);
        }
    }

    /// The way to the server is up, perhaps again: a binding made over a flow is gone with that flow.
    pub(super) fn on_connected(&mut self, now: Instant) {
        if self.registration.wanted && self.registration.in_flight.is_none() {
            self.send_register(now);
        }
    }

    fn stop_register_timer(&mut self) {
        if let Some(timer) = self.registration.timer.take() {
            self.timers.cancel(timer);
        }
    }

    fn tell_registration(&mut self, now: Instant, state: RegistrationState) {
        self.events.push_back(Event::Registration { state, at: now });
    }
}

/// Refreshed when four fifths to nine tenths of the time have passed, by chance so that phones do not come all at once.
pub(super) fn refresh_after(expires: u32, permille: u64) -> Duration {
    let millis = u64::from(expires) * 1000;
    Duration::from_millis(millis / 10 * 8 + millis / 10_000 * permille).max(Duration::from_secs(1))
}

pub(super) fn retry_after(failures: u32, permille: u64) -> Duration {
    let base = RETRY.0.saturating_mul(1 << failures.min(6)).min(RETRY.1);
    base + base.mul_f64(permille as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_comes_before_the_end() {
        for permille in [0, 500, 999] {
            let after = refresh_after(300, permille);
            assert!(after >= Duration::from_secs(240) && after < Duration::from_secs(271), "{after:?}");
        }
    }

    #[test]
    fn retries_wait_longer_each_time() {
        assert_eq!(retry_after(0, 0), Duration::from_secs(2));
        assert_eq!(retry_after(3, 0), Duration::from_secs(16));
        assert_eq!(retry_after(60, 0), Duration::from_secs(120));
    }
}
