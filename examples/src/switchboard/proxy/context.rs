//! Response contexts (RFC 3261 16): a request that was sent on, its branches, and what came back so far.

use std::sync::Arc;

use offhook_core::message::Request;
use offhook_core::timer::TimerId;
use offhook_core::transaction::ClientId;

use super::best::Best;
use super::fork::Target;
use super::route::Routed;
use crate::switchboard::Incoming;

/// Names a branch of a response context; what transactions carry to know their context again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::switchboard) struct Leg {
    pub(in crate::switchboard) context: u64,
    pub(super) branch: usize,
}

/// A request being proxied.
#[derive(Debug)]
pub(in crate::switchboard) struct Context {
    pub(super) incoming: Incoming,
    /// What of its routing is the same for all branches.
    pub(super) routed: Option<Routed>,
    pub(super) is_invite: bool,
    /// The request came over the Route of a dialog: its target is one certain user agent.
    pub(super) in_dialog: bool,
    pub(super) branches: Vec<Branch>,
    pub(super) best: Best,
    /// A test target waits here instead of a branch.
    pub(super) waiting: Option<TimerId>,
    /// Somebody rings, and the log knows.
    pub(super) ringing: bool,
    pub(super) cancelled: bool,
    /// A final response was sent.
    pub(super) answered: bool,
}

/// One place the request was sent to.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) client: ClientId,
    pub(super) timer_c: Option<TimerId>,
    /// A final response is still owed.
    pub(super) pending: bool,
    /// Other flows of the same user agent, to be tried if this one leads nowhere (RFC 5626 7).
    pub(super) others: Vec<Target>,
}

impl Context {
    pub(super) fn new(incoming: &Incoming, is_invite: bool, in_dialog: bool) -> Context {
        Context {
            incoming: incoming.clone(),
            routed: None,
            is_invite,
            in_dialog,
            branches: Vec::new(),
            best: Best::default(),
            waiting: None,
            ringing: false,
            cancelled: false,
            answered: false,
        }
    }

    pub(super) fn request(&self) -> &Arc<Request> {
        &self.incoming.request
    }

    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_none() && self.branches.iter().all(|branch| !branch.pending)
    }
}
