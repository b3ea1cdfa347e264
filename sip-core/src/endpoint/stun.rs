//! Keep-alives over UDP to the servers, by STUN (RFC 5626 4.4.2 and 8): they hold doors in firewalls open, and find a server
//! that is gone and an address that has become another. CRLF is for connections (`keep_alive`).
//!
//! Who does not know STUN takes it for garbage. So they go only where the server is known to answer: it said so in the
//! answer to a REGISTER (Flow-Timer, `outbound` in Require, `ob` in Path), or in our Via (`keep`, RFC 6223), or the
//! application says so ([`Config::server_answers_stun`](super::Config::server_answers_stun)).

use std::net::SocketAddr;
use std::time::Duration;

use super::connection::PATIENCE;
use super::event::CallState;
use super::keep_alive::{FIRST, LEAST, asked_by, spread};
use super::outgoing::Purpose;
use super::{Endpoint, Timer};
use crate::dialog::Dialog;
use crate::message::{Name, Response, UriRef};
use crate::time::{Instant, part_of};
use crate::timer::TimerId;
use crate::transport::{FlowError, FlowErrorKind, Path, Stun, StunId, Transport};

/// How often one request is sent (Rc), and how many round-trip times its last try has (Rm, RFC 5389 7.2.1).
const REQUESTS: u32 = 7;
const LAST: u32 = 16;
/// The time between two requests where the server does not say (RFC 5626 4.4.2).
const BETWEEN: (Duration, Duration) = (Duration::from_secs(24), Duration::from_secs(29));

/// A way to a server over UDP that is kept alive.
#[derive(Debug)]
pub(super) struct StunFlow {
    link: usize,
    path: Path,
    timer: TimerId,
    /// How often the server wants them.
    recommended: Option<Duration>,
    /// The server has said in so many words that it answers, or has answered. Many do RFC 5626 and leave its STUN out: their
    /// silence is no sign of anything.
    promised: bool,
    /// It was agreed on with a call, and not only by registering (RFC 6223 4.2).
    by_dialog: bool,
    /// As whom the server sees us.
    mapped: Option<SocketAddr>,
    asked: Option<Asked>,
}

/// A request without its answer.
#[derive(Debug)]
struct Asked {
    id: StunId,
    sent: u32,
    /// It has less time than usual.
    until: Option<Instant>,
}

impl Endpoint {
    /// Whether keep-alives would be sent along a path, were they asked for.
    pub(super) fn would_ask_binding(&self, path: Path) -> bool {
        self.transactions.flows().transport(path.flow) == Some(Transport::Udp)
            && self.is_leading()
            && !self.config.keep_alive.is_zero()
            && self.is_server(path)
    }

    /// What a server's answer says of them. Those agreed on by registering end where the next answer does not say so again
    /// (RFC 6223 4.2.2).
    pub(super) fn note_stun(&mut self, now: Instant, purpose: Purpose, response: &Response, source: Path) {
        let Some(link) = self.connection.link_at(source) else { return };
        if !response.status().is_success() || !self.would_ask_binding(source) {
            return;
        }
        let registers = matches!(purpose, Purpose::Register(_));
        let (keep, timer) = asked_by(response);
        let timer = timer.filter(|_| registers);
        let promised = keep.is_some() || timer.is_some() || self.config.server_answers_stun;
        let answers = keep.is_some() || timer.is_some() || (registers && does_outbound(response));
        let known = self.stun.iter_mut().find(|flow| flow.link == link && flow.path == source);
        // Zero: at our discretion.
        let seconds = timer.or(keep).filter(|seconds| *seconds > 0);
        let recommended = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        match known {
            Some(flow) if answers => {
                flow.recommended = recommended;
                flow.promised |= promised;
                flow.by_dialog |= !registers;
            }
            Some(flow) if registers && !flow.by_dialog && !self.config.server_answers_stun => self.end_stun(link),
            None if answers || self.config.server_answers_stun => {
                self.end_stun(link);
                let first = FIRST.min(self.config.keep_alive);
                let timer = self.timers.insert(now + first, Timer::Stun(link));
                let (by_dialog, path) = (!registers, source);
                let (mapped, asked) = (None, None);
                self.stun.push(StunFlow { link, path, timer, recommended, promised, by_dialog, mapped, asked });
            }
            _ => {}
        }
    }

    fn end_stun(&mut self, link: usize) {
        for flow in self.stun.extract_if(.., |flow| flow.link == link) {
            self.timers.cancel(flow.timer);
        }
    }

    /// Whether a way is still the one that is kept alive, and of use.
    fn is_stun_wanted(&self, flow: &StunFlow) -> bool {
        let of_call = || {
            let mut dialogs = self.calls.iter().flat_map(|(_, call)| &call.dialogs);
            flow.by_dialog && dialogs.any(|dialog| dialog.path() == flow.path)
        };
        self.link_path(flow.link) == Some(flow.path)
            && (self.config.server_answers_stun || self.registration.is_bound_by(flow.link) || of_call())
    }

    /// Asks at once, with less time for the answer than usual; false: it is not known that the server answers.
    pub(super) fn ask_binding_at_once(&mut self, now: Instant, link: usize) -> bool {
        let Some(at) = self.stun.iter().position(|flow| flow.link == link && flow.promised) else { return false };
        if let Some(flow) = self.stun.get_mut(at) {
            self.timers.cancel(flow.timer);
            flow.asked = None;
        }
        self.ask_binding(now, at, Some(now + PATIENCE));
        true
    }

    pub(super) fn on_stun_timer(&mut self, now: Instant, link: usize) {
        let Some(at) = self.stun.iter().position(|flow| flow.link == link) else { return };
        let Some(flow) = self.stun.get(at) else { return };
        if !self.is_stun_wanted(flow) {
            self.stun.remove(at);
            return;
        }
        let over = |asked: &Asked| asked.sent >= REQUESTS || asked.until.is_some_and(|until| now >= until);
        if flow.asked.as_ref().is_some_and(over) {
            if !flow.promised {
                return self.end_stun(link);
            }
            let error = FlowError::new(FlowErrorKind::Timeout, "the connection is dead: nothing answers a keep-alive");
            return self.fail_stun(now, link, error, true);
        }
        self.ask_binding(now, at, None);
    }

    /// Sends a request, or the one that is not answered again: after one round-trip time, then each time after twice as
    /// long. T1 is what that is thought to be (RFC 3261 17.1.1.1).
    fn ask_binding(&mut self, now: Instant, at: usize, until: Option<Instant>) {
        let id = self.stun_id();
        let Some(flow) = self.stun.get_mut(at) else { return };
        let asked = flow.asked.get_or_insert(Asked { id, sent: 0, until });
        asked.sent = asked.sent.saturating_add(1);
        let times = match asked.sent {
            REQUESTS.. => LAST,
            sent => 1_u32.checked_shl(sent.saturating_sub(1)).unwrap_or(LAST),
        };
        let mut next = now + self.config.timers.t1.saturating_mul(times);
        if let Some(until) = asked.until {
            next = next.min(until);
        }
        flow.timer = self.timers.insert(next, Timer::Stun(flow.link));
        // A socket that breaks here is told by its driver.
        let _ = self.transactions.ask_binding(flow.path, &asked.id);
    }

    fn stun_id(&mut self) -> StunId {
        let mut id = StunId::default();
        let words = [self.entropy.u64().to_be_bytes(), self.entropy.u64().to_be_bytes()];
        id.iter_mut().zip(words.as_flattened()).for_each(|(byte, random)| *byte = *random);
        id
    }

    /// An answer came. One to another request than that which waits, or from elsewhere, is nobody's.
    pub(super) fn on_stun(&mut self, now: Instant, source: Path, stun: &Stun) {
        let (id, mapped) = match stun {
            Stun::Success { id, mapped } => (id, Ok(*mapped)),
            Stun::Error { id } => (id, Err(())),
            Stun::Request { .. } => return,
        };
        let permille = self.entropy.below(1000);
        let every = self.config.keep_alive;
        let asked =
            |flow: &&mut StunFlow| flow.path == source && flow.asked.as_ref().is_some_and(|asked| asked.id == *id);
        let Some(flow) = self.stun.iter_mut().find(asked) else { return };
        let link = flow.link;
        let Ok(mapped) = mapped else {
            let error = FlowError::new(FlowErrorKind::Lost, "the server refuses a keep-alive");
            return self.fail_stun(now, link, error, true);
        };
        if mapped.is_some() && flow.mapped.is_some_and(|before| Some(before) != mapped) {
            let error = FlowError::new(FlowErrorKind::Lost, "the address that the server sees has changed");
            return self.fail_stun(now, link, error, false);
        }
        flow.mapped = mapped.or(flow.mapped);
        (flow.promised, flow.asked) = (true, None);
        self.timers.cancel(flow.timer);
        flow.timer = self.timers.insert(now + between(every, flow.recommended, permille), Timer::Stun(link));
        self.end_checks(&Ok(()));
    }

    /// The network says that nobody takes a request. Only what we sent ourselves is believed.
    pub(super) fn stun_undelivered(&mut self, now: Instant, path: Path, quoted: &[u8], error: &FlowError) {
        let Some(Stun::Request { id, .. }) = Stun::parse(quoted) else { return };
        let asked = |flow: &&StunFlow| flow.path == path && flow.asked.as_ref().is_some_and(|asked| asked.id == id);
        if let Some(link) = self.stun.iter().find(asked).map(|flow| flow.link) {
            self.fail_stun(now, link, error.clone(), true);
        }
    }

    /// A flow is dead (RFC 5626 4.5): another takes its place, by which this side registers and the calls go on. `silent`:
    /// the server is better left alone; else only our address is another.
    fn fail_stun(&mut self, now: Instant, link: usize, error: FlowError, silent: bool) {
        self.end_stun(link);
        self.cut_off(link);
        match silent {
            true => self.link_failed(now, link, error),
            false => self.renew_link(now, link, error),
        }
        self.recover_calls(now);
    }

    /// What is agreed on along a way over UDP is not heard there any more.
    pub(super) fn cut_off(&mut self, link: usize) {
        let is_udp = |path: &Path| self.transactions.flows().transport(path.flow) == Some(Transport::Udp);
        let Some(path) = self.link_path(link).filter(is_udp) else { return };
        let keys: Vec<_> = self.calls.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(call) = self.calls.get_mut(key).filter(|call| call.state == CallState::Established) else {
                continue;
            };
            call.dialogs.iter_mut().filter(|dialog| dialog.path() == path).for_each(Dialog::leave_path);
        }
    }
}

/// Whether the registrar, or the proxy before it, does RFC 5626 and with it STUN.
fn does_outbound(response: &Response) -> bool {
    let required = response.tokens(Name::Require).any(|token| token.eq_ignore_ascii_case("outbound"));
    let first = response.addresses(Name::Path).next().and_then(Result::ok);
    required || first.is_some_and(|edge| matches!(edge.uri(), Ok(UriRef::Sip(uri)) if uri.params.contains("ob")))
}

/// Until the next request: four fifths up to the whole of what the server says (RFC 5626 4.4) or the application, else 24 to
/// 29 s.
fn between(every: Duration, recommended: Option<Duration>, permille: u64) -> Duration {
    let (least, most) = BETWEEN;
    match recommended {
        None if every >= most => {
            let more = part_of(most.saturating_sub(least).saturating_mul(permille as u32), 1000);
            least.saturating_add(more)
        }
        _ => spread(every.min(recommended.unwrap_or(most)).max(LEAST), permille),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_come_as_often_as_asked_for_and_no_firewall_forgets_meanwhile() {
        let seconds = Duration::from_secs;
        let usual = seconds(30);
        assert_eq!(between(usual, None, 0), seconds(24));
        assert_eq!(between(usual, None, 1000), seconds(29));
        assert_eq!(between(usual, Some(seconds(10)), 0), seconds(8));
        assert_eq!(between(usual, Some(seconds(120)), 0), seconds(24));
        assert_eq!(between(seconds(10), None, 500), seconds(9));
        assert_eq!(between(Duration::from_millis(1), None, 1000), LEAST);
    }
}
