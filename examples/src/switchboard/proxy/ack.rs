//! The ACK for a 2xx: a request of its own that nobody answers (RFC 3261 16.6, 16.11).

use offhook_core::message::Request;
use offhook_core::transport::Path;

use super::fork::Target;
use crate::switchboard::Switchboard;

impl Switchboard {
    /// Sends an ACK on along the Route of its dialog. Without such a Route it is for a response of our own, or astray.
    pub(in crate::switchboard) fn on_ack(&mut self, request: &Request, source: Path) {
        if request.check().is_err() || request.max_forwards().is_ok_and(|hops| hops == Some(0)) || self.is_loop(request)
        {
            return;
        }
        let Ok(mut routed) = self.route(request) else { return };
        let Some(path) = routed.ends.and_then(|ends| self.other_end(&routed, ends, source)) else { return };
        routed.send_to_strict_router();
        let target = Target { uri: routed.uri.clone(), path };
        if let Ok((_, message)) = self.outgoing(request, source, source, &routed, &target) {
            // The callee retransmits its 2xx if this is lost.
            let _ = self.transactions.send(path, message);
        }
    }
}
