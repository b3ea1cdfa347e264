//! Session timers (RFC 4028), both roles: a call that nobody refreshes any more is over, so that none is left when the
//! other side has vanished. Whoever refreshes does so at half the time, by UPDATE where the other side takes it, else by
//! a re-INVITE that offers what is agreed on already.

use std::time::Duration;

use super::call::{Call, Carrier, Negotiation, Offer};
use super::config::{SessionTimerMode, SessionTimers};
use super::event::{CallState, End};
use super::outgoing::{Outgoing, Purpose};
use super::saved::SavedSession;
use super::{Endpoint, Error, Timer};
use crate::arena::Key;
use crate::message::{Builder, Fields, Name, Refresher, Request, Response, SessionExpires, StatusCode, reason_value};
use crate::time::{Instant, part_of};
use crate::timer::TimerId;
use crate::transaction::{self, ServerId};
use crate::transport::Path;

/// The option tag.
pub(super) const TIMER: &str = "timer";
/// The shortest interval there may be, in seconds (RFC 4028 4).
const SHORTEST: u32 = 90;
/// A call ends this long before its session expires, or a third of the interval before (RFC 4028 10).
const MARGIN: Duration = Duration::from_secs(32);
/// A refresh that failed is tried again after this at the earliest.
const RETRY: Duration = Duration::from_secs(5);
/// How often a request is sent again with a longer interval, one that has not enough then is refused.
const ROUNDS: u8 = 5;

/// The session timer of a call.
#[derive(Debug, Default)]
pub(super) struct SessionTimer {
    /// The longest Min-SE heard of within the dialog, in seconds (RFC 4028 7.4); 0: none.
    pub(super) min_se: u32,
    pub(super) running: Option<Running>,
}

/// A session that expires.
#[derive(Debug)]
pub(super) struct Running {
    /// Seconds.
    pub(super) interval: u32,
    /// This side refreshes it.
    pub(super) ours: bool,
    /// When the call ends if it was not refreshed.
    pub(super) deadline: Instant,
    pub(super) timer: TimerId,
}

impl SessionTimers {
    fn seconds(&self) -> u32 {
        seconds(self.expires).max(self.shortest())
    }

    fn shortest(&self) -> u32 {
        seconds(self.min_se).max(SHORTEST)
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

impl Endpoint {
    pub(super) fn has_timers(&self) -> bool {
        self.config.session_timers.mode != SessionTimerMode::Never
    }

    // ---- what we ask for

    /// Writes into an INVITE that makes a call what we would like (RFC 4028 7.1).
    pub(super) fn ask_for_session(&self, outgoing: Outgoing) -> Outgoing {
        let timers = &self.config.session_timers;
        if !self.has_timers() {
            return outgoing;
        }
        let outgoing = outgoing.number("Session-Expires", timers.seconds());
        if timers.shortest() == SHORTEST {
            return outgoing;
        }
        outgoing.number("Min-SE", timers.shortest())
    }

    /// Writes into a re-INVITE or UPDATE how the session goes on (RFC 4028 7.4).
    pub(super) fn ask_to_go_on(&self, key: Key, outgoing: Outgoing) -> Outgoing {
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Established) else {
            return outgoing;
        };
        let SessionTimer { min_se, running: Some(running) } = &call.session_timer else { return outgoing };
        let refresher = if running.ours { Refresher::Uac } else { Refresher::Uas };
        let seconds = running.interval.max(*min_se);
        let value = SessionExpires { seconds, refresher: Some(refresher) }.to_string();
        let outgoing = outgoing.header("Session-Expires", &value);
        let min_se = self.config.session_timers.shortest().max(*min_se);
        if min_se == SHORTEST { outgoing } else { outgoing.number("Min-SE", min_se) }
    }

    /// 422: somebody wants a longer interval. True if the request is to be sent again with it (RFC 4028 7.3).
    pub(super) fn lengthen(&mut self, key: Key, response: &Response) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(key) else { return false };
        let (Ok(Some(min_se)), Some(asked)) = (response.min_se(), asked(outgoing)) else { return false };
        if response.status() != StatusCode::SESSION_INTERVAL_TOO_SMALL
            || min_se <= asked.seconds
            || outgoing.longer >= ROUNDS
        {
            return false;
        }
        outgoing.longer = outgoing.longer.saturating_add(1);
        outgoing.headers.retain(|(name, _)| !is_ours(name));
        let value = SessionExpires { seconds: min_se, ..asked }.to_string();
        outgoing.headers.push(("Session-Expires".into(), value.into()));
        outgoing.headers.push(("Min-SE".into(), min_se.to_string().into()));
        let within = match outgoing.purpose {
            Purpose::Reinvite(call) | Purpose::Update(call, _) => self.calls.get_mut(call),
            _ => None,
        };
        if let Some(call) = within {
            call.session_timer.min_se = call.session_timer.min_se.max(min_se);
        }
        true
    }

    /// A 2xx to our INVITE, re-INVITE or UPDATE says whether the session expires, and who refreshes it (RFC 4028 7.2).
    pub(super) fn hear_session(&mut self, now: Instant, key: Key, outgoing: &Outgoing, response: &Response) {
        if !self.has_timers() {
            return;
        }
        let agreed = match (response.session_expires(), asked(outgoing)) {
            (Ok(Some(agreed)), _) => Some((agreed.seconds, agreed.refresher != Some(Refresher::Uas))),
            // It does not know of timers: this side can still look after the call alone.
            (_, Some(asked)) if self.config.session_timers.mode == SessionTimerMode::Always => {
                Some((asked.seconds, true))
            }
            _ => None,
        };
        self.run_session(now, key, agreed);
    }

    // ---- what they ask for

    /// Refuses an INVITE, re-INVITE or UPDATE whose session would expire sooner than we like: 422 (RFC 4028 9).
    pub(super) fn is_too_short(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) -> bool {
        let shortest = self.config.session_timers.shortest();
        let asked = request.session_expires().ok().flatten();
        // Who does not know of timers cannot ask for a longer one: somebody on the way has.
        if !self.has_timers() || asked.is_none_or(|asked| asked.seconds >= shortest) || !supports(request) {
            return false;
        }
        let shortest = shortest.to_string();
        let headers = [("Min-SE", shortest.as_str())];
        self.refuse(now, server, request, source, StatusCode::SESSION_INTERVAL_TOO_SMALL, &headers);
        true
    }

    /// Writes into our 2xx whether the session expires and who refreshes it (RFC 4028 9, table 2).
    pub(super) fn push_session(&self, builder: &mut Builder, key: Key, request: &Request) -> Option<SessionExpires> {
        let timers = &self.config.session_timers;
        if !self.has_timers() {
            return None;
        }
        let running = self.calls.get(key).and_then(|call| call.session_timer.running.as_ref());
        let asked = request.session_expires().ok().flatten();
        let supported = supports(request);
        let wanted = running.map_or(timers.seconds(), |running| running.interval);
        let seconds = match asked {
            // It may become shorter, but not shorter than anybody on the way likes.
            Some(asked) => asked.seconds.min(wanted.max(least(request)).max(timers.shortest())).max(SHORTEST),
            None if supported || running.is_some() || timers.mode == SessionTimerMode::Always => {
                wanted.max(least(request))
            }
            None => return None,
        };
        let refresher = match asked.and_then(|asked| asked.refresher) {
            _ if !supported => Refresher::Uas,
            Some(chosen) => chosen,
            // Whoever asked for it, or does it already.
            None if running.map_or(asked.is_none(), |running| running.ours) => Refresher::Uas,
            None => Refresher::Uac,
        };
        let agreed = SessionExpires { seconds, refresher: Some(refresher) };
        builder.header(Name::SessionExpires, &agreed.to_string());
        if supported {
            builder.header(Name::Require, TIMER);
        }
        Some(agreed)
    }

    /// Our 2xx is on its way.
    pub(super) fn agree_on_session(
        &mut self,
        now: Instant,
        key: Key,
        request: &Request,
        agreed: Option<SessionExpires>,
    ) {
        if let (Some(call), Ok(Some(min_se))) = (self.calls.get_mut(key), request.min_se()) {
            call.session_timer.min_se = call.session_timer.min_se.max(min_se);
        }
        self.run_session(now, key, agreed.map(|agreed| (agreed.seconds, agreed.refresher == Some(Refresher::Uas))));
    }

    // ---- time

    /// The session expires after so many seconds from now, and whether this side refreshes it; or it does not expire.
    fn run_session(&mut self, now: Instant, key: Key, agreed: Option<(u32, bool)>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some(old) = call.session_timer.running.take() {
            self.timers.cancel(old.timer);
        }
        let Some((interval, ours)) = agreed else { return };
        let interval = interval.max(SHORTEST);
        let length = Duration::from_secs(interval.into());
        let deadline = now + length.saturating_sub(MARGIN.min(part_of(length, 3)));
        let at = if ours { now + part_of(length, 2) } else { deadline };
        let timer = self.timers.insert(at, Timer::Session(key));
        call.session_timer.running = Some(Running { interval, ours, deadline, timer });
    }

    /// A session of another endpoint goes on here: it is over when it was to be over there.
    pub(super) fn resume_session(&mut self, now: Instant, key: Key, saved: Option<&SavedSession>) {
        let (Some(call), Some(saved)) = (self.calls.get_mut(key), saved) else { return };
        let deadline = Instant::from_millis(saved.deadline).min(now + Duration::from_secs(saved.interval.into()));
        let at = if saved.local { now + part_of(deadline.since(now), 2) } else { deadline };
        let timer = self.timers.insert(at, Timer::Session(key));
        let running = Running { interval: saved.interval.max(SHORTEST), ours: saved.local, deadline, timer };
        call.session_timer = SessionTimer { min_se: saved.min_se, running: Some(running) };
    }

    /// Time to refresh the session, or too late for it.
    pub(super) fn on_session_timer(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let ending = call.is_ending();
        let Some(running) = &mut call.session_timer.running else { return };
        let deadline = running.deadline;
        if ending || now >= deadline {
            call.session_timer.running = None;
            if !ending {
                self.end_expired(now, key);
            }
            return;
        }
        let left = deadline.since(now);
        let next = (now + part_of(left, 2).max(RETRY)).min(deadline);
        running.timer = self.timers.insert(next, Timer::Session(key));
        self.refresh(now, key);
    }

    fn end_expired(&mut self, now: Instant, key: Key) {
        let error = Error::Timeout(transaction::Timer::Session);
        let mut end = End::failed(error, false);
        end.phrase = "the session expired".into();
        let reason = reason_value("SIP", 408, Some("session expired"));
        self.send_bye_with(now, key, Some(end), Some(&reason));
    }

    /// Sends what keeps the session from expiring, unless something that does is on its way.
    pub(super) fn refresh(&mut self, now: Instant, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.state != CallState::Established
            || call.updating
            || call.accepted.is_some()
            || call.is_refreshing()
            || call.is_free().is_err()
        {
            return;
        }
        let by_update = call.takes_update == Some(true);
        if !by_update && call.resumed.is_some() && call.local_sdp.is_none() {
            // What it has to offer, the application has not said yet.
            return;
        }
        let carrier = if by_update { Carrier::Update } else { Carrier::Reinvite };
        let sdp = call.local_sdp.clone().filter(|_| !by_update);
        self.send_offer(now, key, Offer::new(None, carrier, sdp));
    }
}

impl Call {
    /// Whether the offer of ours that is on its way is a refresh, of which the application knows nothing.
    pub(super) fn is_refreshing(&self) -> bool {
        matches!(&self.negotiation, Negotiation::Offering(offer) if offer.op.is_none())
    }
}

fn asked(outgoing: &Outgoing) -> Option<SessionExpires> {
    let (_, value) = outgoing.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Session-Expires"))?;
    SessionExpires::parse(value).ok()
}

fn is_ours(name: &str) -> bool {
    ["Session-Expires", "Min-SE"].iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

fn supports(fields: &Fields) -> bool {
    fields.tokens(Name::Supported).contains(TIMER) || fields.tokens(Name::Require).contains(TIMER)
}

/// The shortest interval that a request allows.
fn least(request: &Request) -> u32 {
    request.min_se().ok().flatten().unwrap_or(SHORTEST)
}
