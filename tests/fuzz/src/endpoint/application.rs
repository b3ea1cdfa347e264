//! The application: what it does in calls, about transfers, subscriptions and publications, and besides.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::endpoint::{
    AcceptOptions, AnswerOptions, CallOptions, FollowOptions, PublishOptions, SubscribeOptions, TransferOptions,
};
use offhook_core::message::StatusCode;

use super::super::input::Input;
use super::Run;
use super::words::{BODIES, PACKAGES, SDP, STATUSES, TARGETS};

impl Run {
    /// The application does something in a call.
    pub(super) fn act(&mut self, input: &mut Input<'_>) {
        let now = self.now;
        if self.events && input.byte() & 3 != 0 {
            return self.act_on_events(input);
        }
        if self.transfers && input.byte() & 3 != 0 {
            return self.act_on_transfers(input);
        }
        let Some(call) = self.calls.get(input.below(self.calls.len())).copied() else {
            return;
        };
        let sdp = (input.byte() & 1 == 1).then(|| Bytes::from_static(input.pick(&SDP).as_bytes()));
        let some = sdp.clone().unwrap_or_default();
        let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
        let endpoint = &mut self.endpoint;
        match input.byte() % 16 {
            0 => drop(endpoint.ring(now, call, sdp)),
            1 | 2 => {
                let mut options = AnswerOptions::default();
                options.sdp = sdp;
                endpoint.answer(now, call, options);
            }
            3 => drop(endpoint.reject(now, call, status, None)),
            4 => drop(endpoint.redirect(now, call, &["sip:carol@192.0.2.3"])),
            5 => drop(endpoint.hangup(now, call, Some("SIP;cause=200"))),
            6 => drop(endpoint.hold(now, call, sdp)),
            7 => drop(endpoint.resume(now, call, sdp)),
            8 => drop(endpoint.renegotiate(now, call, some)),
            9 => drop(endpoint.accept_offer(now, call, some)),
            10 => drop(endpoint.reject_offer(now, call, status)),
            11 => drop(endpoint.info(now, call, "text/plain", some)),
            12 => drop(endpoint.dtmf(now, call, char::from(input.byte()), u32::from(input.short()))),
            13 => drop(endpoint.update(now, call, sdp)),
            14 => drop(endpoint.info_package(now, call, "x", "text/plain", some)),
            _ => drop((endpoint.call_info(call), endpoint.calls(), endpoint.census())),
        }
    }

    /// The application does something about transfers.
    fn act_on_transfers(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let call = self.calls.get(input.below(self.calls.len())).copied();
        let other = self.calls.get(input.below(self.calls.len())).copied();
        let asked = self.asked.get(input.below(self.asked.len())).copied();
        let how = input.byte();
        let mut options = TransferOptions::default();
        options.hang_up = how & 16 == 0;
        options.follow = how & 32 == 0;
        if how & 64 != 0 {
            options.timeout = Duration::from_millis(u64::from(input.short()));
        }
        let target = input.pick(&TARGETS);
        match (how % 8, call, asked) {
            (0, Some(call), _) => drop(endpoint.transfer(now, call, target, options)),
            (1, Some(call), _) => {
                if let Some(other) = other {
                    drop(endpoint.transfer_to(now, call, other, options));
                }
            }
            (2, ..) => drop(endpoint.refer(now, target, "sip:carol@192.0.2.3", options)),
            (3 | 4, _, Some(asked)) => {
                let options = if how & 128 == 0 { FollowOptions::default() } else { FollowOptions::with_sdp(SDP[0]) };
                if let Ok(call) = endpoint.accept_transfer(now, asked, options) {
                    self.calls.push(call);
                }
            }
            (5, _, Some(asked)) => {
                let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
                endpoint.reject_transfer(now, asked, status, None);
            }
            (_, Some(call), _) => {
                // Somebody takes the call over: oneself, or whoever is told.
                if let Ok(Some(replacement)) = endpoint.replacement(call) {
                    let mut options = CallOptions::default();
                    options.replaces = Some(replacement);
                    self.calls.extend(endpoint.call(now, target, options));
                }
            }
            _ => {}
        }
    }

    /// The application does something about subscriptions and publications.
    fn act_on_events(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let subscription = self.subscriptions.get(input.below(self.subscriptions.len())).copied();
        let publication = self.publications.get(input.below(self.publications.len())).copied();
        let body = Bytes::from_static(input.pick(&BODIES).as_bytes());
        let status = StatusCode::new(input.pick(&STATUSES)).expect("a status");
        let options = SubscribeOptions::new(input.pick(&PACKAGES)).expires(u32::from(input.byte()));
        match (input.byte() % 12, subscription, publication) {
            (0 | 1, ..) => {
                if let Ok(subscription) = endpoint.subscribe(now, input.pick(&TARGETS), options) {
                    self.subscriptions.push(subscription);
                }
            }
            (2, ..) => {
                let options = PublishOptions::default().expires(u32::from(input.byte()));
                endpoint.publish(now, "presence", "text/plain", body, options);
            }
            (3, _, Some(publication)) => drop(endpoint.update_publication(now, publication, "text/plain", body)),
            (4, _, Some(publication)) => drop(endpoint.remove_publication(now, publication)),
            (5, Some(subscription), _) => drop(endpoint.unsubscribe(now, subscription)),
            (6, Some(subscription), _) => drop(endpoint.refresh_subscription(now, subscription)),
            (7, Some(subscription), _) => {
                let options = if input.byte() & 1 == 0 { AcceptOptions::pending() } else { AcceptOptions::default() };
                endpoint.accept_subscription(now, subscription, options);
            }
            (8, Some(subscription), _) => drop(endpoint.reject_subscription(now, subscription, status, None)),
            (9, Some(subscription), _) => {
                endpoint.terminate_subscription(now, subscription, "giveup", None, None);
            }
            (_, Some(subscription), _) => drop(endpoint.notify(now, subscription, "text/plain", body)),
            _ => {}
        }
    }

    /// The application does something outside of calls.
    pub(super) fn manage(&mut self, input: &mut Input<'_>) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        match input.byte() % 6 {
            0 | 1 => drop(endpoint.register(now)),
            2 => drop(endpoint.unregister(now)),
            3 => drop(endpoint.connect(now)),
            4 => drop(endpoint.options(now, input.pick(&TARGETS))),
            _ => drop(endpoint.message(now, input.pick(&TARGETS), "text/plain", Bytes::from_static(b"hi"))),
        }
    }
}
