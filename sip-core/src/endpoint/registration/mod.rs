//! The registration (RFC 3261 10.2): made, refreshed, made again after a loss, and taken back; with several servers over
//! several flows at a time (RFC 5626). What is asked of the registrar is in `contact`, what it answers in `answer`.

mod answer;
mod bindings;
mod contact;
mod following;
mod info;

use std::time::Duration;

use super::connection::Hop;
use super::event::{Event, OpId, Outcome, RegistrationState};
use super::outgoing::{Outgoing, Purpose};
use super::reach::instance_urn;
use super::{Config, Endpoint, Error, Refusal, Timer};
use crate::arena::Key;
use crate::entropy::Entropy;
use crate::message::{Method, Name, NameAddr, Response, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::{FlowId, Path};
use answer::Granted;
pub use bindings::ContactBinding;
pub(super) use following::Following;
pub use info::{FlowState, PushInfo, RegistrationInfo};

/// The first wait before a lost registration is tried again, and the longest (RFC 5626 4.5, with times of our own).
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));
/// A registrar that answers 423 again and again is not followed for ever.
const INTERVAL_ROUNDS: u32 = 3;
/// First hop lacks outbound support (RFC 5626 11.6).
const LACKS_OUTBOUND: u16 = 439;
/// The server does not push by this service (RFC 8599 8.1).
const PUSH_NOT_SUPPORTED: u16 = 555;

#[derive(Debug)]
pub(super) struct Registration {
    /// Seconds to ask for; raised by 423.
    expires: u32,
    intervals: u32,
    /// The application wants to be registered.
    wanted: bool,
    /// One for each way to a server; one if there is no server.
    bindings: Vec<Binding>,
    /// `urn:uuid:…`, the same for all flows (RFC 5626 4.1).
    instance: Box<str>,
    granted: Granted,
    register_ops: Vec<OpId>,
    unregister_ops: Vec<OpId>,
}

/// What one flow brought about at the registrar.
#[derive(Debug)]
struct Binding {
    call_id: Box<str>,
    tag: Box<str>,
    cseq: u32,
    /// The registrar has it, as far as we know; over this flow.
    bound: Option<FlowId>,
    in_flight: Option<Key>,
    timer: Option<TimerId>,
    failures: u32,
    /// The first hop does not do RFC 5626 (439).
    plain: bool,
    /// The registrar does (4.2.1).
    outbound: bool,
    /// The way requests take beyond the server (RFC 3608).
    service_route: Vec<Box<str>>,
}

impl Registration {
    pub(super) fn new(config: &Config, flows: usize, entropy: &mut Entropy) -> Registration {
        let binding = |_| Binding {
            call_id: entropy.call_id(),
            tag: entropy.tag(),
            cseq: 0,
            bound: None,
            in_flight: None,
            timer: None,
            failures: 0,
            plain: false,
            outbound: false,
            service_route: Vec::new(),
        };
        let bindings = (0..flows.max(1)).map(binding).collect();
        Registration {
            // Nothing at all would be the wish to be unregistered.
            expires: u32::try_from(config.expires.as_secs()).unwrap_or(u32::MAX).max(1),
            intervals: 0,
            wanted: false,
            bindings,
            instance: config
                .instance
                .as_deref()
                .and_then(|instance| instance_urn(instance).ok())
                .unwrap_or_else(|| entropy.apart("instance").uuid()),
            granted: Granted::default(),
            register_ops: Vec::new(),
            unregister_ops: Vec::new(),
        }
    }

    /// One Call-ID and a rising CSeq for all registrations over one flow (RFC 3261 10.2, RFC 5626 4.2.1).
    pub(super) fn next_cseq(&mut self, index: usize) -> u32 {
        let Some(binding) = self.bindings.get_mut(index) else { return 1 };
        binding.cseq = binding.cseq.saturating_add(1);
        binding.cseq
    }

    /// Whether there is or may be a binding to take back.
    pub(super) fn is_bound(&self) -> bool {
        self.has_any() || self.is_in_flight()
    }

    fn has_any(&self) -> bool {
        self.bindings.iter().any(|binding| binding.bound.is_some())
    }

    fn is_in_flight(&self) -> bool {
        self.bindings.iter().any(|binding| binding.in_flight.is_some())
    }

    /// Whether this one of the ways to the servers is registered over.
    #[cfg(feature = "stun")]
    pub(super) fn is_bound_by(&self, index: usize) -> bool {
        self.bindings.get(index).is_some_and(|binding| binding.bound.is_some())
    }

    fn is_free(&self, index: usize) -> bool {
        self.bindings.get(index).is_some_and(|binding| binding.in_flight.is_none())
    }
}

impl Endpoint {
    /// Registers the address of record, also if it is registered already (as after a push, RFC 8599 4.1.3). Done when the
    /// registrar said 2xx over one flow; refreshed by itself from then on, and made again after a loss.
    pub fn register(&mut self, now: Instant) -> OpId {
        let op = self.op();
        if let Err(error) = self.may_begin() {
            self.done(op, Err(error));
            return op;
        }
        self.registration.wanted = true;
        self.registration.register_ops.push(op);
        self.registration.intervals = 0;
        for index in 0..self.registration.bindings.len() {
            if let Some(binding) = self.registration.bindings.get_mut(index) {
                binding.failures = 0;
            }
            if self.registration.is_free(index) {
                self.send_register(now, index);
            }
        }
        self.pump(now);
        op
    }

    /// Takes the registration back. Done when the registrar said 2xx, or at once if there is none.
    pub fn unregister(&mut self, now: Instant) -> OpId {
        let op = self.op();
        self.registration.wanted = false;
        for waiting in std::mem::take(&mut self.registration.register_ops) {
            self.done(waiting, Err(Error::Cancelled));
        }
        let bound = self.registration.is_bound();
        if bound {
            self.registration.unregister_ops.push(op);
        } else {
            self.done(op, Ok(Outcome::Done));
        }
        for index in 0..self.registration.bindings.len() {
            self.stop_register_timer(index);
            let has = self.registration.bindings.get(index).is_some_and(|binding| binding.bound.is_some());
            if has && self.registration.is_free(index) {
                self.send_register(now, index);
            }
        }
        self.pump(now);
        op
    }

    /// Whether the registrar has our binding.
    pub fn is_registered(&self) -> bool {
        self.registration.has_any() && self.registration.wanted
    }

    fn send_register(&mut self, now: Instant, index: usize) {
        self.stop_register_timer(index);
        let expires = if self.registration.wanted { self.registration.expires } else { 0 };
        let Some(mut outgoing) = self.new_register(Purpose::Register(index), index) else { return };
        outgoing.contact = true;
        outgoing = outgoing.header("Expires", &expires.to_string());
        if self.registration.wanted && !self.registration.is_bound() {
            self.tell_registration(now, RegistrationState::Registering);
        }
        let key = self.outgoing.insert(outgoing);
        if let Some(binding) = self.registration.bindings.get_mut(index) {
            binding.in_flight = Some(key);
        }
        self.try_request(now, key);
    }

    /// A REGISTER over one of the ways to the servers.
    fn new_register(&mut self, purpose: Purpose, index: usize) -> Option<Outgoing> {
        let registrar = self.config.registrar();
        let cseq = self.registration.next_cseq(index);
        let binding = self.registration.bindings.get(index)?;
        let from = self.local_address(&binding.tag);
        let to = NameAddr::new(self.config.display_name.as_deref(), &self.config.aor);
        let call_id = &binding.call_id;
        let mut outgoing = Outgoing::new(purpose, Method::Register, &registrar, &from, to.as_str(), call_id, cseq);
        outgoing.hop = if self.connection.len() == 0 { Hop::Server } else { Hop::Link(index) };
        Some(outgoing)
    }

    /// A REGISTER is on its way that is to bind us.
    pub(super) fn is_registering(&self) -> bool {
        self.registration.wanted && self.registration.is_in_flight()
    }

    pub(super) fn on_registered(
        &mut self,
        now: Instant,
        index: usize,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        self.hear_registrar(now, index, outgoing, result);
        self.lead_changed();
        if !self.is_registering() {
            self.recover_calls(now);
        }
    }

    fn hear_registrar(
        &mut self,
        now: Instant,
        index: usize,
        outgoing: Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let Some(binding) = self.registration.bindings.get_mut(index) else { return };
        binding.in_flight = None;
        let plain = binding.plain;
        let asked_nothing = outgoing.headers.iter().any(|(name, value)| &**name == "Expires" && &**value == "0");
        match result {
            Ok((response, _)) if response.status().is_success() && asked_nothing => self.unbound(now, index),
            Ok((response, path)) if response.status().is_success() => self.bound(now, index, response, path),
            Ok((response, _))
                if response.status() == StatusCode::INTERVAL_TOO_BRIEF && self.raise_interval(response) =>
            {
                self.send_register(now, index);
            }
            Ok((response, _)) if response.status().code() == LACKS_OUTBOUND && !plain => {
                if let Some(binding) = self.registration.bindings.get_mut(index) {
                    binding.plain = true;
                }
                self.send_register(now, index);
            }
            Ok((response, _)) => {
                let refusal = Refusal::of(response.status(), response.reason(), response);
                let wait = refusal.retry_after.map(|seconds| Duration::from_secs(seconds.into()));
                self.registration_failed(now, index, Error::Status(refusal), wait, asked_nothing);
            }
            Err(error) => {
                let silent = matches!(error, Error::Timeout(_));
                self.registration_failed(now, index, error, None, asked_nothing);
                if silent {
                    self.suspect_connection(now, index);
                }
            }
        }
    }

    fn bound(&mut self, now: Instant, index: usize, response: &Response, path: Path) {
        let first = !self.registration.has_any();
        let expires = self.read_answer(index, response, path);
        let Some(binding) = self.registration.bindings.get_mut(index) else { return };
        binding.failures = 0;
        binding.bound = Some(path.flow);
        self.registration.intervals = 0;
        if !self.registration.wanted {
            return self.send_register(now, index); // taken back while it was on its way
        }
        if let Some(after) = self.registration.granted.refresh_after(expires, self.entropy.below(1000)) {
            let timer = self.timers.insert(now + after, Timer::Register(index));
            if let Some(binding) = self.registration.bindings.get_mut(index) {
                binding.timer = Some(timer);
            }
        }
        // Of several flows the first that is bound speaks.
        let speaks = self.registration.bindings.iter().position(|binding| binding.bound.is_some()) == Some(index);
        if first || speaks {
            self.tell_registration(now, RegistrationState::Registered { expires });
        }
        for op in std::mem::take(&mut self.registration.register_ops) {
            self.done(op, Ok(Outcome::Registered { expires }));
        }
    }

    fn unbound(&mut self, now: Instant, index: usize) {
        if let Some(binding) = self.registration.bindings.get_mut(index) {
            binding.bound = None;
        }
        if !self.registration.is_bound() {
            self.registration.granted = Granted::default();
            self.tell_registration(now, RegistrationState::Unregistered);
            for op in std::mem::take(&mut self.registration.unregister_ops) {
                self.done(op, Ok(Outcome::Done));
            }
        }
        if self.registration.wanted {
            self.send_register(now, index); // wanted again while it was on its way
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

    fn registration_failed(
        &mut self,
        now: Instant,
        index: usize,
        error: Error,
        wait: Option<Duration>,
        taking_back: bool,
    ) {
        let Some(binding) = self.registration.bindings.get_mut(index) else { return };
        let had = binding.bound.take().is_some();
        binding.service_route.clear();
        if taking_back {
            // The binding runs out by itself; for the application it is gone.
            if !self.registration.is_bound() {
                self.tell_registration(now, RegistrationState::Unregistered);
                for op in std::mem::take(&mut self.registration.unregister_ops) {
                    self.done(op, Err(error.clone()));
                }
            }
            if self.registration.wanted {
                self.send_register(now, index);
            }
            return;
        }
        let others = self.registration.is_bound();
        let mut lasting = true;
        if !others {
            let state = match self.registration.wanted {
                true => RegistrationState::Failed(error.clone()),
                false => RegistrationState::Unregistered, // taken back while it was on its way
            };
            self.tell_registration(now, state);
            let ops = std::mem::take(&mut self.registration.register_ops);
            // A first registration that fails is the application's to try again; a lost one is ours.
            lasting = ops.is_empty() || had;
            for op in ops {
                self.done(op, Err(error.clone()));
            }
            for op in std::mem::take(&mut self.registration.unregister_ops) {
                self.done(op, Ok(Outcome::Done));
            }
        }
        let hopeless = matches!(&error, Error::Authentication { .. })
            || matches!(&error, Error::Status(refusal) if matches!(refusal.status.code(), 403 | 404 | PUSH_NOT_SUPPORTED));
        if self.registration.wanted && lasting && !hopeless {
            let permille = self.entropy.below(1000);
            let Some(binding) = self.registration.bindings.get_mut(index) else { return };
            let wait = wait.unwrap_or_else(|| retry_after(binding.failures, permille));
            binding.failures = binding.failures.saturating_add(1);
            let timer = self.timers.insert(now + wait, Timer::Register(index));
            if let Some(old) = binding.timer.replace(timer) {
                self.timers.cancel(old);
            }
        } else if !others {
            self.registration.wanted = false;
        }
    }

    pub(super) fn on_register_timer(&mut self, now: Instant, index: usize) {
        if let Some(binding) = self.registration.bindings.get_mut(index) {
            binding.timer = None;
        }
        // Of a way that is lost the next try is set already.
        if self.registration.wanted && self.registration.is_free(index) && !self.is_link_waiting(index) {
            self.send_register(now, index);
        }
    }

    /// A way to a server is up, perhaps again: a binding made over a flow is gone with that flow.
    pub(super) fn on_connected(&mut self, now: Instant, index: usize) {
        if self.registration.wanted && self.registration.is_free(index) && self.is_leading() {
            self.send_register(now, index);
        }
    }

    fn stop_register_timer(&mut self, index: usize) {
        if let Some(timer) = self.registration.bindings.get_mut(index).and_then(|binding| binding.timer.take()) {
            self.timers.cancel(timer);
        }
    }

    fn tell_registration(&mut self, now: Instant, state: RegistrationState) {
        self.lead_changed();
        self.events.push_back(Event::Registration { state, at: now });
    }
}

/// When four fifths to nine tenths of the time have passed, by chance so that phones do not come all at once.
pub(super) fn refresh_after(expires: u32, permille: u64) -> Duration {
    let part = Duration::from_secs(expires.into()).mul_f64(0.8 + 0.1 * (permille as f64 / 1000.0));
    part.max(Duration::from_secs(1))
}

pub(super) fn retry_after(failures: u32, permille: u64) -> Duration {
    let base = RETRY.0.saturating_mul(1_u32.checked_shl(failures.min(6)).unwrap_or(1)).min(RETRY.1);
    base.saturating_add(base.mul_f64(permille as f64 / 2000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_each_time() {
        assert_eq!(retry_after(0, 0), Duration::from_secs(2));
        assert_eq!(retry_after(3, 0), Duration::from_secs(16));
        assert_eq!(retry_after(60, 0), Duration::from_secs(120));
    }
}
