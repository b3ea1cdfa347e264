//! What comes back (RFC 3261 16.7 to 16.9): responses, failures, timers.

use std::sync::Arc;

use bytes::Bytes;
use offhook_core::message::{Method, Response, StatusCode};
use offhook_core::time::Instant;
use offhook_core::transaction::{Failure, ServerState};

use super::best::Candidate;
use super::context::Leg;
use super::fork::WAY_BACK;
use crate::switchboard::notice::Step;
use crate::switchboard::token::open;
use crate::switchboard::{Deadline, Switchboard, rewrite, status};

/// What phones that stop ringing because another one answered are told (RFC 3326).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl Switchboard {
    pub(in crate::switchboard) fn on_response(&mut self, now: Instant, leg: Leg, response: &Arc<Response>) {
        if !self.contexts.contains_key(&leg.context) {
            // The request is long answered. Only another 2xx of an INVITE still matters (16.7 step 5).
            return self.send_back(response);
        }
        match response.status().code() {
            100 => {}
            101..=199 => self.on_provisional(now, leg, response),
            code => {
                self.branch_ended(leg);
                if code < 300 {
                    self.on_success(now, leg.context, response);
                } else if !matches!(code, 408 | 430) || !self.try_another_flow(now, leg) {
                    self.offer(leg.context, Candidate::Response(response.clone()));
                    if code >= 600 {
                        self.cancel_branches(now, leg.context, None);
                    }
                }
                self.settle(now, leg.context);
            }
        }
    }

    fn on_provisional(&mut self, now: Instant, leg: Leg, response: &Arc<Response>) {
        let Some(context) = self.contexts.get_mut(&leg.context) else { return };
        if let Some(branch) = context.branches.get_mut(leg.branch)
            && let Some(timer) = branch.timer_c.take()
        {
            self.queue.cancel(timer); // 16.7 step 2
            branch.timer_c = Some(self.queue.insert(now + self.config.timer_c, Deadline::TimerC(leg)));
        }
        if context.answered {
            return;
        }
        let server = context.incoming.server;
        let rings = response.status() == StatusCode::RINGING && !std::mem::replace(&mut context.ringing, true);
        if rings {
            self.progress(leg.context, Step::Ringing);
        }
        if let Some(message) = rewrite::response(response, &[]) {
            // The caller's connection, if it is gone, ends the request by itself.
            let _ = self.transactions.respond(now, server, response.status(), message);
        }
    }

    /// A 2xx goes back at once, also a second one of an INVITE, and ends the other branches.
    fn on_success(&mut self, now: Instant, id: u64, response: &Arc<Response>) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        let (server, is_first) = (context.incoming.server, !std::mem::replace(&mut context.answered, true));
        if !context.is_invite && !is_first {
            return;
        }
        let says_bye = *context.request().method() == Method::Bye;
        if is_first && (says_bye || !context.in_dialog) {
            self.progress(id, Step::Answered(response.status()));
        }
        let Some(message) = rewrite::response(response, &[]) else { return };
        match self.transactions.server_state(server) {
            // The transaction has seen another final response and would hold this one back (RFC 6026 7.1).
            None | Some(ServerState::Completed | ServerState::Confirmed) => self.send_back(response),
            // The caller's connection, if it is gone, ends the request by itself.
            _ => drop(self.transactions.respond(now, server, response.status(), message)),
        }
        if is_first {
            self.cancel_branches(now, id, Some(ELSEWHERE));
        }
    }

    pub(in crate::switchboard) fn on_failure(&mut self, now: Instant, leg: Leg, failure: &Failure) {
        let Some(context) = self.contexts.get(&leg.context) else { return };
        let code = match failure {
            Failure::Timeout(_) => 408,
            // RFC 5626 11.5 for the one user agent a dialog is with; a user may be reached again elsewhere, later.
            Failure::Transport(_) if context.in_dialog => 430,
            Failure::Transport(_) => 480,
        };
        self.branch_ended(leg);
        if !self.try_another_flow(now, leg) {
            self.offer(leg.context, Candidate::Own(status(code)));
        }
        self.settle(now, leg.context);
    }

    /// 16.8: it has rung long enough.
    pub(in crate::switchboard) fn on_timer_c(&mut self, now: Instant, leg: Leg) {
        let Some(context) = self.contexts.get_mut(&leg.context) else { return };
        let Some(branch) = context.branches.get_mut(leg.branch) else { return };
        branch.timer_c = None;
        let client = branch.client;
        self.offer(leg.context, Candidate::Own(status(408)));
        self.transactions.cancel(now, client, None);
    }

    pub(in crate::switchboard) fn on_target_timeout(&mut self, now: Instant, id: u64) {
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.waiting = None;
        self.offer(id, Candidate::Own(status(408)));
        self.settle(now, id);
    }

    fn branch_ended(&mut self, leg: Leg) {
        let context = self.contexts.get_mut(&leg.context);
        let Some(branch) = context.and_then(|context| context.branches.get_mut(leg.branch)) else { return };
        branch.pending = false;
        if let Some(timer) = branch.timer_c.take() {
            self.queue.cancel(timer);
        }
    }

    fn offer(&mut self, id: u64, candidate: Candidate) {
        if let Some(context) = self.contexts.get_mut(&id) {
            context.best.offer(candidate);
        }
    }

    /// When nothing more can come the best response goes back and the context ends.
    pub(super) fn settle(&mut self, now: Instant, id: u64) {
        let Some(context) = self.contexts.get_mut(&id).filter(|context| context.is_over()) else { return };
        if !std::mem::replace(&mut context.answered, true) {
            let best = context.best.take();
            let is_global = best.as_ref().is_some_and(|best| best.status().code() >= 600);
            let best = match best {
                Some(best) if is_global || !context.cancelled => best,
                _ => Candidate::Own(status(487)),
            };
            self.send_best(now, id, &best);
        }
        self.contexts.remove(&id);
    }

    fn send_best(&mut self, now: Instant, id: u64, best: &Candidate) {
        let Some(context) = self.contexts.get(&id) else { return };
        let incoming = context.incoming.clone();
        if best.status().code() == 408 && !context.is_invite {
            // Its sender has given up by now; a 408 would only confuse (RFC 4320 4.2).
            return self.transactions.abandon(incoming.server);
        }
        let status = match best.status().code() {
            503 => status(500), // 16.7 step 6: who is overloaded is not us
            _ => best.status(),
        };
        let message: Option<Bytes> = match best {
            Candidate::Response(response) if status == best.status() => {
                rewrite::response(response, &context.best.other_challenges(response))
            }
            _ => None,
        };
        if !context.in_dialog && !matches!(status.code(), 401 | 407) {
            self.progress(id, Step::Answered(status));
        }
        match message {
            // The caller's connection, if it is gone, ends the request by itself.
            Some(message) => drop(self.transactions.respond(now, incoming.server, status, message)),
            None => self.reply(now, &incoming, status, None, &[]),
        }
    }

    /// Sends a response by the token in our Via alone: a 2xx of an INVITE that is long answered.
    pub(in crate::switchboard) fn send_back(&mut self, response: &Response) {
        let is_invite = response.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
        if !is_invite || !response.status().is_success() {
            return;
        }
        let Some(path) = self.path_back(response) else { return };
        if let Some(message) = rewrite::response(response, &[]) {
            // Nobody is there to hear that the caller's connection is gone; the callee ends by itself without an ACK.
            let _ = self.transactions.send(path, message);
        }
    }

    fn path_back(&self, response: &Response) -> Option<offhook_core::transport::Path> {
        let via = response.via().ok()?;
        let token = Switchboard::way_back(via.branch()?)?;
        let places = open(&self.secret, WAY_BACK, response.call_id().ok()?, token)?;
        self.links.path(places.first()?)
    }
}
