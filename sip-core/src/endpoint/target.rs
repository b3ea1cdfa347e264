//! Where the other side is reached within a dialog, when a request of theirs says another place (RFC 6141 4.6).

use super::Endpoint;
use crate::arena::Key;
use crate::message::Request;

/// A target that a request of theirs replaced which is not answered yet.
#[derive(Debug)]
pub(super) struct Moved {
    tag: Box<str>,
    /// The target before.
    from: Box<str>,
    /// The number of our last request before.
    cseq: u32,
}

impl Endpoint {
    /// A re-INVITE or UPDATE of theirs. Requests of ours go to its Contact at once: who has moved is not reached elsewhere.
    pub(super) fn move_target(&mut self, key: Key, request: &Request) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let tag = request.from().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let Some(dialog) = call.dialog_with(&tag) else { return };
        let (from, cseq): (Box<str>, _) = (dialog.target().into(), dialog.local_cseq());
        // A Contact that cannot be read leaves the target as it was.
        let _ = dialog.refresh_target(request);
        if *from != *dialog.target() {
            call.moved = Some(Moved { tag: tag.into(), from, cseq });
        }
    }

    /// A 2xx: the target stays.
    pub(super) fn target_taken(&mut self, key: Key) {
        if let Some(call) = self.calls.get_mut(key) {
            call.moved = None;
        }
    }

    /// A refusal leaves the target as it was, unless a request of ours went to the new one meanwhile.
    pub(super) fn target_refused(&mut self, key: Key) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some(moved) = call.moved.take()
            && let Some(dialog) = call.dialog_with(&moved.tag)
            && dialog.local_cseq() == moved.cseq
        {
            dialog.set_target(&moved.from);
        }
    }
}
