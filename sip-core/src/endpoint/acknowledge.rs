//! ACKs for 2xx, which are the endpoint's and not a transaction's (RFC 3261 13.2.2.4): sent, kept for copies of the 2xx, and
//! sent to forks that nobody waits for.

use bytes::Bytes;

use super::call::Call;
use super::content::SDP;
use super::outgoing::Purpose;
use super::{Endpoint, StoredAck, Timer};
use crate::arena::Key;
use crate::auth::SecretText;
use crate::dialog::{Dialog, DialogState, route};
use crate::hashing::Identity;
use crate::message::{Builder, Method, Name, Response};
use crate::time::Instant;
use crate::transport::Path;

impl Endpoint {
    /// Sends the ACK for a 2xx (13.2.2.4), and keeps it to answer retransmissions of that 2xx.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        key: Key,
        cseq: u32,
        authorization: &[(Name, SecretText)],
        sdp: Option<Bytes>,
    ) {
        let Some(dialog) = self.calls.get(key).and_then(Call::dialog).cloned() else { return };
        let path = self.dialog_path(&dialog);
        let branch = self.entropy.branch();
        let Some(bytes) = self.write_ack(&dialog, path, &branch, cseq, authorization, sdp.as_ref()) else { return };
        let identity = self.ack_identity(dialog.call_id(), dialog.local_tag(), dialog.remote_tag(), cseq);
        let timer = self.timers.insert(now + self.config.timers.timeout(), Timer::Ack(identity));
        if let Some(old) = self.acks.insert(identity, StoredAck { bytes: bytes.clone().into(), path, timer }) {
            self.timers.cancel(old.timer);
        }
        // If the flow is gone the peer retransmits its 2xx, and the ACK goes then.
        let _ = self.transactions.send(path, bytes);
    }

    fn write_ack(
        &self,
        dialog: &Dialog,
        path: Path,
        branch: &str,
        cseq: u32,
        authorization: &[(Name, SecretText)],
        sdp: Option<&Bytes>,
    ) -> Option<Bytes> {
        let hop = route(dialog.target(), dialog.route_set());
        let mut builder = Builder::request(&Method::Ack, &hop.request_uri);
        self.push_via(&mut builder, path, branch, false);
        builder.number(Name::MaxForwards, 70);
        for value in &hop.routes {
            builder.header(Name::Route, value);
        }
        if let Some(target) = hop.appended {
            builder.parts(Name::Route, &["<", target, ">"]);
        }
        builder.header(Name::From, dialog.local());
        builder.header(Name::To, dialog.remote());
        builder.header(Name::CallId, dialog.call_id());
        builder.cseq(cseq, &Method::Ack);
        for (name, value) in authorization {
            builder.header(*name, value.reveal());
        }
        match sdp {
            Some(sdp) => builder.body(SDP, sdp).ok(),
            None => builder.finish().ok(),
        }
    }

    fn ack_identity(&self, call_id: &str, local_tag: &str, remote_tag: &str, cseq: u32) -> Identity {
        self.hash.of(&["ack", call_id, local_tag, remote_tag, &cseq.to_string()])
    }

    /// A 2xx to an INVITE outside of its transaction's first: a retransmission is acknowledged again, another fork's
    /// answer is acknowledged and ended (13.2.2.4).
    pub(super) fn on_stray(&mut self, now: Instant, response: &Response, source: Path) {
        if !response.status().is_success() {
            return;
        }
        let (Ok(call_id), Ok(from), Ok(to), Ok(cseq)) =
            (response.call_id(), response.from(), response.to(), response.cseq())
        else {
            return;
        };
        if cseq.method != Method::Invite {
            return;
        }
        let (local_tag, remote_tag) = (from.tag().unwrap_or_default(), to.tag().unwrap_or_default());
        let identity = self.ack_identity(call_id, local_tag, remote_tag, cseq.number);
        if let Some(ack) = self.acks.get(&identity) {
            let (path, bytes) = (self.living(ack.path), ack.bytes.clone());
            // As above: a lost flow brings the 2xx again.
            let _ = self.transactions.send(path, bytes.into());
            return;
        }
        if let Some(call) =
            self.by_dialog.get(&self.dialog_identity(call_id, local_tag)).and_then(|key| self.calls.get_mut(*key))
            && call
                .dialog()
                .is_some_and(|dialog| dialog.state() == DialogState::Confirmed && dialog.remote_tag() == remote_tag)
        {
            return; // its ACK waits for the application's answer
        }
        if !self.is_call_tag(call_id, local_tag) {
            return;
        }
        self.refuse_fork(now, response, source);
    }

    /// A 2xx nobody waits for any more: the ACK alone, so that the peer stops sending it. Returns its dialog.
    pub(super) fn acknowledge_stray(&mut self, now: Instant, response: &Response, source: Path) -> Option<Dialog> {
        if !response.status().is_success() {
            return None;
        }
        let (from, to, cseq) = (response.from().ok()?, response.to().ok()?, response.cseq().ok()?.number);
        let dialog =
            Dialog::from_response(now, to.uri_text(), from.as_str(), from.tag()?, cseq, response, source).ok()?;
        let path = self.dialog_path(&dialog);
        let branch = self.entropy.branch();
        let bytes = self.write_ack(&dialog, path, &branch, cseq, &[], None)?;
        let identity = self.ack_identity(dialog.call_id(), dialog.local_tag(), dialog.remote_tag(), cseq);
        // One that has forks without end gets each ACK made anew.
        if self.acks.len() < self.config.limits.outgoing {
            let timer = self.timers.insert(now + self.config.timers.timeout(), Timer::Ack(identity));
            if let Some(old) = self.acks.insert(identity, StoredAck { bytes: bytes.clone().into(), path, timer }) {
                self.timers.cancel(old.timer);
            }
        }
        // A flow that is gone cannot be told more; the peer's own timers end its side.
        let _ = self.transactions.send(path, bytes);
        Some(dialog)
    }

    /// The answer of a fork that came second: ACK and BYE.
    fn refuse_fork(&mut self, now: Instant, response: &Response, source: Path) {
        if let Some(mut dialog) = self.acknowledge_stray(now, response, source) {
            let bye = self.dialog_request(&mut dialog, Purpose::Nobody, Method::Bye);
            self.send_request(now, bye);
        }
    }
}
