//! The proxy (RFC 3261 16): what comes in, step by step, until it is answered or sent on.

mod ack;
mod best;
mod context;
mod fork;
mod responses;
mod route;

pub(super) use context::{Context, Leg};

use offhook_core::message::{Method, Name, Request, UriRef};
use offhook_core::time::Instant;

use super::targets::TestTarget;
use super::{Incoming, OWN_METHODS, Refusal, Switchboard, status};
use fork::Target;
use route::Routed;

impl Switchboard {
    /// Takes in a request. `cancels`: it is a CANCEL of a request that is known, and maybe still being proxied.
    pub(super) fn on_request(&mut self, now: Instant, incoming: &Incoming, cancels: Option<Option<Leg>>) {
        let done = match incoming.request.method() {
            Method::Cancel => self.on_cancel(now, incoming, cancels),
            _ => self.process(now, incoming),
        };
        if let Err(refusal) = done {
            self.refuse(now, incoming, refusal);
        }
    }

    /// 9.2 and 16.10. The CANCEL itself is answered whatever becomes of the request.
    fn on_cancel(&mut self, now: Instant, incoming: &Incoming, cancels: Option<Option<Leg>>) -> Result<(), Refusal> {
        let leg = cancels.ok_or(Refusal::new(481))?;
        self.reply(now, incoming, status(200), None, &[]);
        if let Some(leg) = leg {
            let reason = incoming.request.text(Name::Reason).ok().flatten();
            self.cancel_context(now, leg.context, reason);
        }
        Ok(())
    }

    fn process(&mut self, now: Instant, incoming: &Incoming) -> Result<(), Refusal> {
        let request = &incoming.request;
        self.validate(request)?;
        let mut routed = self.route(request)?;
        let in_dialog = request.to()?.tag().is_some();
        if let (Some(ends), true) = (routed.ends, in_dialog) {
            let path = self.other_end(&routed, ends, incoming.source).ok_or(Refusal::new(430))?;
            routed.send_to_strict_router();
            let target = Target { uri: routed.uri.clone(), path };
            return self.forward(now, incoming, routed, vec![vec![target]]);
        }
        let uri = routed.uri.clone();
        let uri = UriRef::parse(&uri)?;
        let sip = uri.as_sip().ok_or(Refusal::new(416))?;
        let is_own = routed.routes.is_empty() && self.links.is_own(sip);
        if is_own && *request.method() == Method::Register {
            return self.register(now, incoming);
        }
        let user = sip.user_decoded();
        if is_own && user.is_none() {
            return self.serve(now, incoming);
        }
        self.admit(now, request, is_own)?;
        match user.filter(|_| is_own) {
            Some(user) => self.deliver(now, incoming, routed, &user),
            None => {
                let path = self.next_hop(&routed).ok_or(Refusal::because(404, "No Way to That Host"))?;
                routed.send_to_strict_router();
                let target = Target { uri: routed.uri.clone(), path };
                self.forward(now, incoming, routed, vec![vec![target]])
            }
        }
    }

    /// 16.3: whether the request is fit to be proxied.
    fn validate(&self, request: &Request) -> Result<(), Refusal> {
        request.check()?;
        if request.max_forwards()? == Some(0) {
            return Err(Refusal::new(483));
        }
        if self.is_loop(request) {
            return Err(Refusal::new(482));
        }
        let required: Vec<&str> = request.tokens(Name::ProxyRequire).collect();
        match required.is_empty() {
            true => Ok(()),
            false => Err(Refusal::new(420).with(Name::Unsupported, required.join(", "))),
        }
    }

    /// A request to the switchboard itself (11.2).
    fn serve(&mut self, now: Instant, incoming: &Incoming) -> Result<(), Refusal> {
        if *incoming.request.method() != Method::Options {
            return Err(Refusal::new(405).with(Name::Allow, OWN_METHODS));
        }
        let headers = [(Name::Allow, OWN_METHODS.to_owned()), (Name::Accept, "application/sdp".to_owned())];
        self.reply(now, incoming, status(200), None, &headers);
        Ok(())
    }

    /// 16.5: sends a request to every user agent that is registered for the user.
    fn deliver(&mut self, now: Instant, incoming: &Incoming, routed: Routed, user: &str) -> Result<(), Refusal> {
        let ways = self.location.ways(user).into_iter();
        let ways: Vec<Vec<Target>> =
            ways.map(|flows| flows.into_iter().map(|binding| self.target_of(binding)).collect()).collect();
        if !ways.is_empty() {
            return self.forward(now, incoming, routed, ways);
        }
        if self.config.users.contains_key(user) {
            return Err(Refusal::because(480, "Not Registered"));
        }
        match TestTarget::parse(user) {
            Some(target) => self.test(now, incoming, target),
            None => Err(Refusal::new(404)),
        }
    }
}
