//! The application's answers to servers that want credentials: futures, run by whoever runs the engine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::auth::{Credential, CredentialRequest};
use crate::endpoint::CredentialQuery;

type Reply = Pin<Box<dyn Future<Output = Option<Credential>> + Send>>;
pub(super) type Callback = Box<dyn FnMut(CredentialRequest) -> Reply + Send>;

/// Who is asked, and the answers that are being thought about.
#[derive(Default)]
pub(super) struct Asker {
    callback: Option<Callback>,
    replies: Vec<(CredentialQuery, Reply)>,
    waker: Option<Waker>,
}

impl Asker {
    pub(super) fn set(&mut self, callback: Callback) {
        self.callback = Some(callback);
    }

    /// Nobody wants the answers any more. Whether there is somebody to ask.
    pub(super) fn forget(&mut self) -> bool {
        self.replies.clear();
        self.callback.is_some()
    }

    /// Asks. The answer comes out of [`poll`](Asker::poll).
    pub(super) fn ask(&mut self, query: CredentialQuery, request: CredentialRequest) {
        let Some(callback) = &mut self.callback else { return };
        self.replies.push((query, callback(request)));
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// The next answer that is there.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<(CredentialQuery, Option<Credential>)> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        let done = self.replies.iter_mut().enumerate().find_map(|(at, (query, reply))| match reply.as_mut().poll(cx) {
            Poll::Ready(credential) => Some((at, *query, credential)),
            Poll::Pending => None,
        });
        let (at, query, credential) = done?;
        drop(self.replies.swap_remove(at));
        Some((query, credential))
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("replies", &self.replies.len()).finish_non_exhaustive()
    }
}
