//! A UDP socket as one flow: read and written in batches, with a bounded queue for what cannot go yet.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::transport::{FlowError, FlowErrorKind, FlowId, Path};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep};

use super::batch::{self, BATCH, Datagram};
use super::input::Input;
use crate::metrics::Meters;

/// A socket that fails so often without one good datagram between is given up.
const FAILURES: u32 = 100;

/// How often sending a datagram is tried before its error counts.
const ATTEMPTS: u32 = 4;

/// How long a full socket rests.
const REST: Duration = Duration::from_millis(2);

/// A bound socket as one flow.
#[derive(Debug)]
pub(super) struct UdpFlow {
    pub(super) flow: FlowId,
    socket: Arc<UdpSocket>,
    ipv6: bool,
    /// What the machine wants sent, for one system call together.
    waiting: VecDeque<Datagram>,
    waiting_bytes: usize,
    /// How often sending the first of them has failed.
    attempts: u32,
    /// Runs until what waits is tried again.
    resting: Option<Pin<Box<Sleep>>>,
    failures: u32,
    /// The task that hears of its errors, and holds the socket as well.
    watch: AbortHandle,
}

impl Drop for UdpFlow {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl UdpFlow {
    pub(super) fn new(flow: FlowId, socket: Arc<UdpSocket>, watch: AbortHandle) -> UdpFlow {
        let waiting = VecDeque::new();
        // One whose address cannot be told does not receive either.
        let ipv6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
        UdpFlow { flow, socket, ipv6, waiting, waiting_bytes: 0, attempts: 0, resting: None, failures: 0, watch }
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error shows again when reading.
        self.socket.poll_recv_ready(cx).map(drop)
    }

    /// Takes a batch of what came in. An error means that the socket is of no use any more; passing ones, e.g. that a
    /// peer's port is closed, are not told.
    pub(super) fn receive(&mut self, into: &mut VecDeque<Datagram>) -> io::Result<()> {
        match batch::receive(&self.socket, self.ipv6, into) {
            Ok(()) => self.failures = 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::debug!(flow = self.flow.number(), %error, "receiving failed");
                self.failures += 1;
                if self.failures >= FAILURES {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sends with the next batch: when one is full, or by [`poll_flush`](UdpFlow::poll_flush). What the system cannot
    /// take waits, beyond `limit` bytes it is dropped; what is known to have failed is put into `failed`.
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        bytes: Bytes,
        limit: usize,
        meters: &Meters,
        failed: &mut VecDeque<Input>,
    ) {
        if self.waiting.len() >= BATCH || self.waiting_bytes + bytes.len() > limit {
            self.flush(failed);
        }
        if !self.waiting.is_empty() && self.waiting_bytes + bytes.len() > limit {
            // Like any loss on the way: what matters is sent again.
            tracing::debug!(flow = self.flow.number(), %to, "datagram dropped: the socket is congested");
            meters.congested.increment(1);
            return;
        }
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((to, bytes));
    }

    /// Sends what waits; ready when nothing does.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, failed: &mut VecDeque<Input>) -> Poll<()> {
        while !self.waiting.is_empty() {
            match &mut self.resting {
                Some(rest) => ready!(rest.as_mut().poll(cx)),
                // An error shows again when sending.
                None => ready!(self.socket.poll_send_ready(cx).map(drop)),
            }
            self.resting = None;
            if !self.flush(failed) {
                // A socket that had errors counts as writable for ever, so it is not asked alone.
                self.resting = Some(Box::pin(sleep(REST)));
            }
        }
        Poll::Ready(())
    }

    /// Sends what the system takes now. Whether that was all.
    pub(super) fn flush(&mut self, failed: &mut VecDeque<Input>) -> bool {
        while !self.waiting.is_empty() {
            match batch::send(&self.socket, &self.waiting) {
                Ok(sent) => {
                    self.attempts = 0;
                    for (_, bytes) in self.waiting.drain(..sent) {
                        self.waiting_bytes -= bytes.len();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) => self.failed(&error, failed),
            }
        }
        true
    }

    /// The first errors may be those of earlier datagrams, told late; the last is that of the first that waits.
    fn failed(&mut self, error: &io::Error, failed: &mut VecDeque<Input>) {
        self.attempts += 1;
        if self.attempts < ATTEMPTS {
            return;
        }
        self.attempts = 0;
        let Some((remote, quoted)) = self.waiting.pop_front() else { return };
        self.waiting_bytes -= quoted.len();
        tracing::debug!(flow = self.flow.number(), %remote, %error, "sending failed");
        let error = FlowError::new(FlowErrorKind::Refused, &format!("{remote}: {error}"));
        failed.push_back(Input::Undelivered { path: Path { flow: self.flow, remote }, quoted, error });
    }
}
