//! What all requests within a dialog have in common: target, route set, number and way (RFC 3261 12.2.1.1).

use super::Endpoint;
use super::connection::Hop;
use super::outgoing::{Outgoing, Purpose};
use crate::dialog::{Dialog, route};
use crate::message::Method;
use crate::transport::Path;

impl Endpoint {
    /// A request within a dialog: target, route set, tags and the next CSeq.
    pub(super) fn dialog_request(&self, dialog: &mut Dialog, purpose: Purpose, method: Method) -> Outgoing {
        let cseq = dialog.next_cseq();
        let hop = route(dialog.target(), dialog.route_set());
        let mut outgoing =
            Outgoing::new(purpose, method, &hop.request_uri, dialog.local(), dialog.remote(), dialog.call_id(), cseq);
        outgoing.routes = hop.routes.iter().map(|value| (*value).into()).collect();
        if let Some(target) = hop.appended {
            let mut value = String::from("<");
            value.push_str(target);
            value.push('>');
            outgoing.routes.push(value.into());
        }
        outgoing.hop = Hop::Path(self.dialog_path(dialog));
        outgoing.router = Some(hop.next).filter(|next| *next != &*outgoing.uri).map(Into::into);
        outgoing
    }

    /// Where a dialog's requests go: along its connection; over UDP to the next hop its route set names, if that is an
    /// address, else to where the peer was last heard.
    pub(super) fn dialog_path(&self, dialog: &Dialog) -> Path {
        let path = dialog.path();
        let flows = self.transactions.flows();
        let reliable = flows.transport(path.flow).is_some_and(|transport| transport.is_reliable());
        if reliable {
            return path;
        }
        if !flows.contains(path.flow) {
            return self.living(path);
        }
        let hop = route(dialog.target(), dialog.route_set());
        match self.udp_address(hop.next) {
            Some(remote) => Path { flow: path.flow, remote },
            None => path,
        }
    }
}
