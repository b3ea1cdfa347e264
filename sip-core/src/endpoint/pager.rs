//! Requests outside of any dialog that stand for themselves: OPTIONS (RFC 3261 11) and MESSAGE (RFC 3428).

use bytes::Bytes;

use super::content::SDP;
use super::event::{OpId, Outcome};
use super::outgoing::{Outgoing, Purpose};
use super::{Endpoint, Error, Refusal};
use crate::message::{Method, Response};
use crate::time::Instant;
use crate::transport::Path;

impl Endpoint {
    /// Asks a target what it can do; a way to see whether it is there. Done with any final response but a challenge.
    pub fn options(&mut self, now: Instant, target: &str) -> OpId {
        let op = self.op();
        self.begin(now, target, Method::Options, None, op);
        op
    }

    /// Sends an instant message. Done with a 2xx.
    pub fn message(&mut self, now: Instant, target: &str, content_type: &str, body: Bytes) -> OpId {
        let op = self.op();
        self.begin(now, target, Method::Message, Some((content_type, body)), op);
        op
    }

    fn begin(&mut self, now: Instant, target: &str, method: Method, body: Option<(&str, Bytes)>, op: OpId) {
        let target = match self.may_begin().and_then(|()| self.complete_target(target)) {
            Ok(target) => target.request_uri(),
            Err(error) => return self.done(op, Err(error)),
        };
        let call_id = self.entropy.call_id();
        let tag = self.entropy.tag();
        let from = self.local_address(&tag);
        let mut to = String::from("<");
        to.push_str(target.as_str());
        to.push('>');
        let mut outgoing = Outgoing::new(Purpose::Pager(op), method, target.as_str(), &from, &to, &call_id, 1);
        if outgoing.method == Method::Options {
            // 11.1: what the answer may describe itself with.
            outgoing = outgoing.header("Accept", SDP);
        }
        if let Some((content_type, body)) = body {
            outgoing = outgoing.body(content_type, body);
        }
        self.send_request(now, outgoing);
        self.pump(now);
    }

    pub(super) fn on_pager_answered(&mut self, op: OpId, result: Result<(&Response, Path), Error>) {
        let result = result.and_then(|(response, _)| {
            let (status, phrase) = (response.status(), response.reason());
            // An OPTIONS is answered as an INVITE would be: 486 tells that somebody is there.
            let told = response.cseq().is_ok_and(|cseq| cseq.method == Method::Options);
            if status.is_success() || told {
                Ok(Outcome::Response { status, phrase: phrase.into() })
            } else {
                Err(Error::Status(Refusal::of(status, phrase, response)))
            }
        });
        self.done(op, result);
    }
}
