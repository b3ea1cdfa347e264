//! The side that is asked to call somebody else: with the application's consent, and reported to the end.

use std::sync::Arc;
use std::time::Duration;

use super::super::event::{CallId, End, Event, OpId, Outcome};
use super::super::headers::check_headers;
use super::super::replaces::REPLACES;
use super::super::subscription::{Purpose, Said, Seat};
use super::super::{CallOptions, Endpoint, Error, Timer};
use super::{FollowOptions, TransferRequest, TransferRequestId, fragment, package};
use crate::arena::Key;
use crate::dialog::Dialog;
use crate::message::{EndReason, Name, Request, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transaction::ServerId;
use crate::transport::Path;

/// How long the application may think about a request.
const CONSENT: Duration = Duration::from_secs(60);

/// Seconds that a report is promised for. The other side may ask for more.
const LIFETIME: u32 = 300;

/// Header fields of a Refer-To that may do as they ask: those that say whom to reach and what for. Others would speak
/// for this user agent (RFC 3261 19.1.5) or ask servers for what its owner did not.
const SAFE: [&str; 8] = [
    "Replaces",
    "Subject",
    "Priority",
    "Accept-Contact",
    "Reject-Contact",
    "Request-Disposition",
    "In-Reply-To",
    "User-to-User",
];

/// A REFER of the other side.
#[derive(Debug)]
pub(in super::super) struct Referral {
    /// The call in whose dialog it came.
    call: Option<Key>,
    stage: Stage,
    target: Box<str>,
    headers: Vec<(String, String)>,
    /// The other side does not want to be told (RFC 4488).
    quiet: bool,
    subscription: Option<Key>,
    timer: Option<TimerId>,
}

#[derive(Debug)]
enum Stage {
    /// The REFER is not answered yet.
    Asked { server: ServerId, request: Arc<Request>, source: Path },
    /// It is, and the application still thinks about it.
    Pending,
    /// It is followed by a call.
    Followed,
}

impl Referral {
    /// Whether it waits for consent, within that call.
    pub(super) fn waits_in(&self, call: Key) -> bool {
        self.call == Some(call) && !matches!(self.stage, Stage::Followed)
    }
}

impl Endpoint {
    /// Tells the application; a REFER cannot wait as long as a person may (RFC 4320), so soon it is taken as pending.
    pub(super) fn ask_to_follow(
        &mut self,
        now: Instant,
        server: ServerId,
        request: Arc<Request>,
        source: Path,
        within: Option<Key>,
        asked: TransferRequest,
    ) {
        let referral = Referral {
            call: within,
            target: asked.target.uri.as_str().into(),
            headers: wanted(&asked),
            quiet: request.refer_sub() == Some(false),
            stage: Stage::Asked { server, request, source },
            subscription: None,
            timer: None,
        };
        let key = self.referrals.insert(referral);
        self.set_consent_timer(now, key, self.config.timers.t1.saturating_mul(4));
        let request = TransferRequestId(key);
        self.events.push_back(Event::TransferRequested { request, asked: Box::new(asked), at: now });
    }

    /// Follows a REFER: calls whom it names, and tells the other side how that goes until it is answered or has failed,
    /// whether or not the call goes on in which it came. Gives the new call, which is like any other.
    ///
    /// # Errors
    ///
    /// As [`call`](Endpoint::call); [`Error::State`] if the request is over.
    pub fn accept_transfer(
        &mut self,
        now: Instant,
        request: TransferRequestId,
        options: FollowOptions,
    ) -> Result<CallId, Error> {
        let result = self.try_accept_transfer(now, request.0, options);
        self.pump(now);
        result
    }

    fn try_accept_transfer(&mut self, now: Instant, key: Key, options: FollowOptions) -> Result<CallId, Error> {
        self.may_begin()?;
        check_headers(&options.headers)?;
        let referral = self.waiting(key)?;
        let (target, mut headers) = (referral.target.clone(), referral.headers.clone());
        headers.extend(options.headers);
        self.take_refer(now, key)?;
        self.stop_consent_timer(key);
        if let Some(referral) = self.referrals.get_mut(key) {
            referral.stage = Stage::Followed;
        }
        self.report(now, key, StatusCode::TRYING, StatusCode::TRYING.reason());
        let mut options = CallOptions { sdp: options.sdp, headers, ..CallOptions::default() };
        // Who is unknown to the one side stays so to the other.
        if let Some(call) = self.referrals.get(key).and_then(|referral| referral.call) {
            self.stay_hidden(call, &mut options);
        }
        match self.call(now, &target, options) {
            Ok(call) => {
                if let Some(entry) = self.calls.get_mut(call.0)
                    && self.referrals.get(key).is_some()
                {
                    entry.referral = Some(key);
                }
                Ok(call)
            }
            Err(error) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                self.report(now, key, status, status.reason());
                Err(error)
            }
        }
    }

    /// Does not follow a REFER. Where the other side was told that it is thought about, it learns of it by a NOTIFY.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the request is over; [`Error::Input`] for a status that is not from 400 to 699.
    pub fn reject_transfer(
        &mut self,
        now: Instant,
        request: TransferRequestId,
        status: StatusCode,
        reason: Option<&str>,
    ) -> OpId {
        let op = self.op();
        let result = if status.code() < 400 {
            Err(Error::input("status", 0, "a transfer is rejected with a status from 400 to 699"))
        } else {
            self.try_reject_transfer(now, request.0, status, reason)
        };
        self.done(op, result.map(|()| Outcome::Done));
        self.pump(now);
        op
    }

    fn try_reject_transfer(
        &mut self,
        now: Instant,
        key: Key,
        status: StatusCode,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let phrase = reason.unwrap_or(status.reason());
        if let Some(offset) = phrase.find(char::is_control) {
            return Err(Error::input("reason", offset, "a control character"));
        }
        if let Stage::Asked { server, request, source } = &self.waiting(key)?.stage {
            let (server, request, source) = (*server, request.clone(), *source);
            self.refuse_with(now, server, &request, source, status, Some(phrase), &[]);
            self.forget_referral(key);
            return Ok(());
        }
        self.report(now, key, status, phrase);
        Ok(())
    }

    fn waiting(&self, key: Key) -> Result<&Referral, Error> {
        let referral = self.referrals.get(key).filter(|referral| !matches!(referral.stage, Stage::Followed));
        referral.ok_or(Error::State("the request for a transfer is over"))
    }

    /// Answers the REFER 200 (RFC 7647 5), if that is not done yet, and begins to report.
    fn take_refer(&mut self, now: Instant, key: Key) -> Result<(), Error> {
        let Some(referral) = self.referrals.get_mut(key) else { return Ok(()) };
        let (quiet, call) = (referral.quiet, referral.call);
        let Stage::Asked { server, request, source } = std::mem::replace(&mut referral.stage, Stage::Pending) else {
            return Ok(());
        };
        let dialog = call.and_then(|call| self.calls.get_mut(call)).and_then(|call| {
            let tag = request.from().ok()?.tag().unwrap_or_default().to_owned();
            Some((call.local_tag().into(), call.dialog_with(&tag)?.remote_tag().into()))
        });
        let (tag, seat) = match (dialog, call) {
            (Some((local_tag, remote_tag)), Some(call)) => (local_tag, Some(Seat::Call(call, remote_tag))),
            _ => {
                let tag = self.call_tag(request.call_id().unwrap_or_default());
                let dialog = Dialog::from_request(now, &request, &tag, source).ok().map(|mut dialog| {
                    dialog.confirm_at_once();
                    Seat::Own(Box::new(dialog))
                });
                (tag, dialog)
            }
        };
        let mut builder = self.dialog_response(&request, source, StatusCode::OK, Some(&tag));
        self.push_contact(&mut builder, &request, source);
        self.push_capabilities(&mut builder);
        if quiet {
            builder.header(Name::ReferSub, "false");
        }
        let message = builder.finish()?;
        // If the flow is gone the REFER comes again, and finds this answer.
        let _ = self.transactions.respond(now, server, StatusCode::OK, message);
        if let Some(seat) = seat.filter(|_| !quiet) {
            let cseq = request.cseq().map_or(0, |cseq| cseq.number);
            let subscription = self.begin_notifier(seat, package(cseq), Purpose::Referral(key));
            self.set_notifier_lifetime(now, subscription, LIFETIME);
            if let Some(referral) = self.referrals.get_mut(key) {
                referral.subscription = Some(subscription);
            }
        }
        Ok(())
    }

    /// What became of the new call so far, for the side that referred us to it.
    pub(in super::super) fn report_call(&mut self, now: Instant, call: Key, status: StatusCode, phrase: &str) {
        let Some(entry) = self.calls.get_mut(call) else { return };
        let referral = if status.is_final() { entry.referral.take() } else { entry.referral };
        if let Some(referral) = referral {
            self.report(now, referral, status, phrase);
        }
    }

    /// The new call is over. If that was not told as its outcome, it is that now.
    pub(in super::super) fn report_end(&mut self, now: Instant, referral: Key, end: &End) {
        let status = match &end.error {
            Some(Error::Timeout(_)) => StatusCode::REQUEST_TIMEOUT,
            Some(Error::Cancelled) => StatusCode::REQUEST_TERMINATED,
            _ => end.status.filter(|status| status.is_failure()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        };
        let told = end.status == Some(status);
        self.report(now, referral, status, if told { &end.phrase } else { status.reason() });
    }

    /// One NOTIFY; the last one ends the report.
    fn report(&mut self, now: Instant, key: Key, status: StatusCode, phrase: &str) {
        let Some(referral) = self.referrals.get(key) else { return };
        let pending = matches!(referral.stage, Stage::Pending);
        let content = Some(fragment(status, phrase));
        if let Some(subscription) = referral.subscription {
            // One that is over has been told so, and one that does not listen misses a step on the way.
            let _ = match status.is_final() {
                true => self.terminate(now, subscription, EndReason::NoResource.as_str(), None, content, None),
                false => {
                    let said = if pending { Said::Pending } else { Said::Active };
                    self.enqueue_notify(now, subscription, said, content, None)
                }
            };
        }
        if status.is_final() {
            self.forget_referral(key);
        }
    }

    /// The other side does not want to hear more, or cannot. What was begun goes on (RFC 3515 2.4.4).
    pub(in super::super) fn on_report_over(&mut self, key: Key) {
        if let Some(referral) = self.referrals.get_mut(key) {
            referral.subscription = None;
        }
    }

    fn set_consent_timer(&mut self, now: Instant, key: Key, time: Duration) {
        let timer = self.timers.insert(now + time, Timer::Consent(key));
        if let Some(referral) = self.referrals.get_mut(key)
            && let Some(old) = referral.timer.replace(timer)
        {
            self.timers.cancel(old);
        }
    }

    fn stop_consent_timer(&mut self, key: Key) {
        if let Some(timer) = self.referrals.get_mut(key).and_then(|referral| referral.timer.take()) {
            self.timers.cancel(timer);
        }
    }

    /// The application takes its time: first the REFER is answered, then it is taken for a no.
    pub(in super::super) fn on_consent_timer(&mut self, now: Instant, key: Key) {
        let Some(referral) = self.referrals.get_mut(key) else { return };
        referral.timer = None;
        if matches!(referral.stage, Stage::Asked { .. }) {
            return self.take_as_pending(now, key);
        }
        self.give_up_referral(now, key, StatusCode::TEMPORARILY_UNAVAILABLE);
    }

    fn take_as_pending(&mut self, now: Instant, key: Key) {
        if self.take_refer(now, key).is_err() {
            return self.give_up_referral(now, key, StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        self.set_consent_timer(now, key, CONSENT);
        self.report(now, key, StatusCode::TRYING, StatusCode::TRYING.reason());
    }

    /// Nobody decided in time.
    fn give_up_referral(&mut self, now: Instant, key: Key, status: StatusCode) {
        self.report(now, key, status, status.reason());
        self.events.push_back(Event::TransferExpired { request: TransferRequestId(key), at: now });
    }

    /// The call ends in which a REFER waits: it is answered as long as there is a dialog, and may still be followed.
    pub(super) fn on_referrer_leaves(&mut self, now: Instant, call: Key) {
        let waits = |referral: &Referral| referral.call == Some(call) && matches!(referral.stage, Stage::Asked { .. });
        let keys: Vec<_> = self.referrals.iter().filter(|(_, referral)| waits(referral)).map(|(key, _)| key).collect();
        for key in keys {
            self.take_as_pending(now, key);
        }
    }

    /// This side goes.
    pub(super) fn drop_referral(&mut self, now: Instant, key: Key) {
        let Some(referral) = self.referrals.get(key) else { return };
        match &referral.stage {
            Stage::Asked { server, request, source } => {
                let (server, request, source) = (*server, request.clone(), *source);
                self.refuse(now, server, &request, source, StatusCode::TEMPORARILY_UNAVAILABLE, &[]);
                self.forget_referral(key);
            }
            Stage::Pending => {
                let status = StatusCode::TEMPORARILY_UNAVAILABLE;
                self.report(now, key, status, status.reason());
            }
            // The end of its call is the end of it.
            Stage::Followed => {}
        }
    }

    fn forget_referral(&mut self, key: Key) {
        self.stop_consent_timer(key);
        self.referrals.remove(key);
    }
}

/// The header fields of the new INVITE: who sent us (RFC 3892), and what may be asked for.
fn wanted(asked: &TransferRequest) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some(by) = &asked.referred_by {
        let mut value = String::from("<");
        value.push_str(by.view().uri_text());
        value.push('>');
        headers.push(("Referred-By".into(), value));
    }
    for (name, value) in asked.target.wanted() {
        let Some(name) = SAFE.iter().find(|safe| safe.eq_ignore_ascii_case(name)) else { continue };
        if headers.iter().any(|(known, _)| known == name) {
            continue;
        }
        if *name == "Replaces" {
            // Nobody else may answer such a call as one like any other (RFC 5589 7.3).
            headers.push(("Require".into(), REPLACES.into()));
        }
        headers.push(((*name).into(), value.into()));
    }
    headers
}
