//! Sending a request on, to one place or to many (RFC 3261 16.6), and taking it back (16.10).

use bytes::Bytes;
use offhook_core::message::{Method, Name, Request, UriRef};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowId, Path, Transport};

use super::context::{Branch, Context, Leg};
use super::route::{Routed, udp_destination};
use crate::switchboard::location::Binding;
use crate::switchboard::notice::{Notice, Step};
use crate::switchboard::rewrite::{self, Changes};
use crate::switchboard::secret::push_hex;
use crate::switchboard::targets::TestTarget;
use crate::switchboard::token::seal;
use crate::switchboard::{Deadline, Incoming, Refusal, Switchboard, status};

const COOKIE: &str = "z9hG4bK";
/// Digits of each of a branch's first two parts: what makes it unique, and what tells loops from spirals.
const PART: usize = 16;
/// The purpose of the tokens in our Vias.
pub(super) const WAY_BACK: &str = "via";
/// What a request without Max-Forwards gets (16.6 step 3).
const MAX_FORWARDS: u32 = 70;
/// The longest message that fits into a datagram.
const DATAGRAM: usize = 65_507;

/// Where a branch goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The Request-URI there.
    pub(super) uri: String,
    /// The way there.
    pub(super) path: Path,
}

impl Switchboard {
    /// Sends a request to several places at once; each of them may be reached in several ways, of which one is tried at a
    /// time.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        incoming: &Incoming,
        routed: Routed,
        places: Vec<Vec<Target>>,
    ) -> Result<(), Refusal> {
        let is_invite = *incoming.request.method() == Method::Invite;
        let in_dialog = routed.ends.is_some();
        let id = self.open_context(incoming, Context::new(incoming, is_invite, in_dialog));
        let mut branches = Vec::with_capacity(places.len());
        let mut last_refusal = None;
        for ways in places {
            let leg = Leg { context: id, branch: branches.len() };
            match self.branch(now, leg, incoming, &routed, ways) {
                Ok(branch) => branches.push(branch),
                Err(refusal) => last_refusal = Some(refusal),
            }
        }
        if let (true, Some(refusal)) = (branches.is_empty(), last_refusal) {
            self.contexts.remove(&id);
            return Err(refusal);
        }
        if !in_dialog {
            self.progress(id, Step::Forwarded(branches.len()));
        }
        if let Some(context) = self.contexts.get_mut(&id) {
            context.branches = branches;
            context.routed = Some(routed);
        }
        Ok(())
    }

    /// Sends a request the first of these ways that there is.
    fn branch(
        &mut self,
        now: Instant,
        leg: Leg,
        incoming: &Incoming,
        routed: &Routed,
        mut ways: Vec<Target>,
    ) -> Result<Branch, Refusal> {
        let request = &incoming.request;
        let back = self.transactions.response_path(incoming.server).unwrap_or(incoming.source);
        let mut last_refusal = Refusal::new(430);
        while !ways.is_empty() {
            let target = ways.remove(0);
            match self.outgoing(request, incoming.source, back, routed, &target) {
                Ok((branch, message)) => {
                    let client = self.transactions.request(now, target.path, request.method(), &branch, message, leg);
                    let is_invite = *request.method() == Method::Invite;
                    let timer_c =
                        is_invite.then(|| self.queue.insert(now + self.config.timer_c, Deadline::TimerC(leg)));
                    return Ok(Branch { client, timer_c, pending: true, others: ways });
                }
                Err(refusal) => last_refusal = refusal,
            }
        }
        Err(last_refusal)
    }

    /// A branch led nowhere: the request goes to another flow of the same user agent, if there is one (RFC 5626 7).
    pub(super) fn try_another_flow(&mut self, now: Instant, leg: Leg) -> bool {
        let Some(context) = self.contexts.get_mut(&leg.context) else { return false };
        if context.answered || context.cancelled {
            return false;
        }
        let next = Leg { context: leg.context, branch: context.branches.len() };
        let ways = context.branches.get_mut(leg.branch).map(|branch| std::mem::take(&mut branch.others));
        let (Some(ways), Some(routed)) = (ways.filter(|ways| !ways.is_empty()), context.routed.clone()) else {
            return false;
        };
        let incoming = context.incoming.clone();
        let Ok(branch) = self.branch(now, next, &incoming, &routed, ways) else { return false };
        if let Some(context) = self.contexts.get_mut(&leg.context) {
            context.branches.push(branch);
        }
        true
    }

    /// Where a contact is reached: over the flow it was registered on.
    pub(super) fn target_of(&self, binding: &Binding) -> Target {
        // What stands in a Contact but not in a Request-URI (19.1.1) is left out.
        let uri = binding.contact.split('?').next().unwrap_or_default().to_owned();
        let mut path = binding.path;
        if self.links.transport(path.flow) == Some(Transport::Udp)
            && let Some(uri) = UriRef::parse(&uri).ok().as_ref().and_then(UriRef::as_sip)
        {
            path.remote = udp_destination(path.remote, uri, binding.symmetric);
        }
        Target { uri, path }
    }

    /// A request as it goes to a target, and the branch in its Via. Responses go `back`.
    pub(super) fn outgoing(
        &mut self,
        request: &Request,
        source: Path,
        back: Path,
        routed: &Routed,
        target: &Target,
    ) -> Result<(String, Bytes), Refusal> {
        let call_id = request.call_id()?;
        let token = seal(&self.secret, WAY_BACK, call_id, &[back.into()]);
        let branch = format!("{COOKIE}{}{}{token}", self.secret.unique(), self.loop_hash(request));
        let via = self.links.via(target.path.flow, &branch).ok_or(Refusal::new(430))?;
        let in_dialog = routed.ends.is_some();
        let record_routes = match request.method() {
            // RFC 6665 4.3: a NOTIFY sets up a dialog as well.
            Method::Notify => self.record_routes(request, source, target.path),
            Method::Invite | Method::Subscribe | Method::Refer if !in_dialog => {
                self.record_routes(request, source, target.path)
            }
            _ => Vec::new(),
        };
        let max_forwards = request.max_forwards()?.map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1));
        let changes = Changes {
            uri: &target.uri,
            via: &via,
            record_routes: &record_routes,
            routes: &routed.routes,
            max_forwards,
            realm: self.config.realm(),
        };
        let message = rewrite::request(request, source.remote, &changes)?;
        if message.len() > DATAGRAM && self.links.transport(target.path.flow) == Some(Transport::Udp) {
            return Err(Refusal::new(513));
        }
        Ok((branch, message))
    }

    /// What must have changed when a request comes by again, if it is not to be a loop (RFC 5393 4.2).
    fn loop_hash(&self, request: &Request) -> String {
        let mut parts: Vec<&[u8]> = vec![request.uri_text().as_bytes()];
        for name in [Name::Route, Name::ProxyRequire, Name::CallId, Name::From] {
            parts.push(b"\0");
            request.raw(name).for_each(|value| parts.push(value));
        }
        let number = request.cseq().map(|cseq| cseq.number).unwrap_or_default().to_string();
        parts.push(number.as_bytes());
        let mut text = String::with_capacity(PART);
        push_hex(&mut text, self.secret.mac("loop", &parts).get(..PART / 2).unwrap_or_default());
        text
    }

    /// 16.3 step 4: whether a Via says that the request was here, and nothing changed since.
    pub(super) fn is_loop(&self, request: &Request) -> bool {
        let hash = self.loop_hash(request);
        let was_here = |branch: &str| branch.get(COOKIE.len() + PART..COOKIE.len() + 2 * PART) == Some(&hash);
        request.vias().flatten().any(|via| via.branch().is_some_and(was_here))
    }

    /// The token in a branch of ours: the way back of responses.
    pub(super) fn way_back(branch: &str) -> Option<&str> {
        branch.get(COOKIE.len() + 2 * PART..)
    }

    fn open_context(&mut self, incoming: &Incoming, context: Context) -> u64 {
        self.next_context += 1;
        let id = self.next_context;
        self.transactions.attach(incoming.server, Leg { context: id, branch: 0 });
        self.contexts.insert(id, context);
        id
    }

    /// Lets a test target answer.
    pub(super) fn test(&mut self, now: Instant, incoming: &Incoming, target: TestTarget) -> Result<(), Refusal> {
        let is_invite = *incoming.request.method() == Method::Invite;
        let patience = match target {
            TestTarget::Status(status) => return Err(test_refusal(status.code(), self.config.realm())),
            _ if is_invite => self.config.timer_c,
            _ => self.config.timers.timeout(),
        };
        let id = self.open_context(incoming, Context::new(incoming, is_invite, false));
        let waiting = Some(self.queue.insert(now + patience, Deadline::Target(id)));
        if let Some(context) = self.contexts.get_mut(&id) {
            context.waiting = waiting;
            context.ringing = target == TestTarget::Ringing;
        }
        if is_invite {
            let code = if target == TestTarget::Ringing { 180 } else { 100 };
            self.reply(now, incoming, status(code), None, &[]);
        }
        Ok(())
    }

    /// The caller takes the request back, or another branch won.
    pub(super) fn cancel_context(&mut self, now: Instant, id: u64, reason: Option<&str>) {
        let Some(context) = self.contexts.get_mut(&id).filter(|context| !context.answered) else { return };
        if !context.is_invite || context.cancelled {
            return; // CANCEL has no effect on other requests (9.1)
        }
        context.cancelled = true;
        if let Some(timer) = context.waiting.take() {
            self.queue.cancel(timer);
        }
        self.progress(id, Step::Cancelled);
        self.cancel_branches(now, id, reason);
        self.settle(now, id);
    }

    /// 16.10: cancels every branch that owes a final response.
    pub(super) fn cancel_branches(&mut self, now: Instant, id: u64, reason: Option<&str>) {
        let Some(context) = self.contexts.get_mut(&id).filter(|context| context.is_invite) else { return };
        context.branches.iter_mut().for_each(|branch| branch.others.clear());
        let pending: Vec<_> = context.branches.iter().filter(|branch| branch.pending).map(|b| b.client).collect();
        for client in pending {
            self.transactions.cancel(now, client, reason);
        }
    }

    /// A connection is gone: nobody waits any more for what came over it.
    pub(in crate::switchboard) fn caller_lost(&mut self, now: Instant, flow: FlowId) {
        let waits = |context: &Context| !context.answered && context.incoming.source.flow == flow;
        let lost: Vec<u64> = self.contexts.iter().filter(|(_, context)| waits(context)).map(|(id, _)| *id).collect();
        for id in lost {
            self.cancel_context(now, id, None);
        }
    }

    /// Tells the log about a request outside of dialogs, or about the end of a call.
    pub(super) fn progress(&mut self, id: u64, step: Step) {
        let Some(context) = self.contexts.get(&id) else { return };
        let request = context.request();
        let from = request.from().map(|from| from.uri_text().to_owned()).unwrap_or_default();
        let notice = Notice::Progress {
            method: request.method().as_str().to_owned(),
            from,
            to: request.uri_text().to_owned(),
            call_id: request.call_id().unwrap_or_default().to_owned(),
            step,
        };
        self.notice(notice);
    }
}

/// What a test target answers, with what such an answer should carry.
fn test_refusal(code: u16, domain: &str) -> Refusal {
    let refusal = Refusal::because(code, &format!("Test {code}"));
    match code {
        300..=399 => refusal.with(Name::Contact, format!("<sip:bob@{domain}>")),
        503 => refusal.with(Name::RetryAfter, "2"),
        _ => refusal,
    }
}
