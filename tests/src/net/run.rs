//! The clock: what happens next, and running until something is the case.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use offhook_core::time::Instant;

use super::host::Flag;
use super::{Network, NodeId};

/// How often a machine may ask to be called at the same millisecond before it counts as running in circles.
const SPIN: usize = 10_000;

/// How many steps [`Network::run_until_idle`] takes before it gives up.
const STEPS: usize = 10_000_000;

impl Network {
    /// Lets the next thing happen: handles' wishes first, then whichever is earlier of a delivery and a timeout
    /// (deliveries first where equal, then nodes in the order they were added). False: nothing will ever happen.
    pub fn step(&mut self) -> bool {
        if self.take_inboxes() {
            return true;
        }
        let arrival = self.queue.next();
        let timeout = self.next_timeout();
        match (arrival, timeout) {
            (None, None) => return false,
            (Some(at), timeout) if timeout.is_none_or(|(due, _)| at <= due) => {
                self.advance(at);
                if let Some(arrival) = self.queue.pop() {
                    self.arrive(arrival);
                }
            }
            (_, Some((due, node))) => {
                self.advance(due);
                let now = self.now;
                self.hosts[node.0].machine.handle_timeout(now);
                self.drain(node);
            }
            (Some(_), None) => unreachable!("taken by the guard above"),
        }
        true
    }

    fn next_timeout(&self) -> Option<(Instant, NodeId)> {
        let due = |(index, host): (usize, &super::Host)| Some((host.timeout?, NodeId(index)));
        self.hosts.iter().enumerate().filter_map(due).min()
    }

    /// When the next delivery or timeout is.
    pub fn next_time(&self) -> Option<Instant> {
        let timeout = self.next_timeout().map(|(due, _)| due);
        self.queue.next().into_iter().chain(timeout).min().map(|at| at.max(self.now))
    }

    fn advance(&mut self, to: Instant) {
        if to > self.now {
            self.now = to;
            self.spins = 0;
        }
        self.spins += 1;
        assert!(self.spins < SPIN, "something runs in circles at {} ms\n{}", self.now.as_millis(), self.ladder());
    }

    /// Hands in what handles of the machines asked for. True: there was something.
    fn take_inboxes(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.hosts.len() {
            let flag = self.hosts[index].waker.clone();
            if self.hosts[index].stopped || !flag.take() {
                continue;
            }
            let waker = flag.waker();
            let mut context = Context::from_waker(&waker);
            let now = self.now;
            while self.hosts[index].machine.poll_inbox(&mut context, now).is_ready() {
                any = true;
                self.drain(NodeId(index));
            }
        }
        any
    }

    /// Runs up to and including `time`, which is the present time afterwards.
    pub fn run_until(&mut self, time: Instant) {
        while self.take_inboxes() || self.next_time().is_some_and(|next| next <= time) {
            self.step();
        }
        self.now = self.now.max(time);
    }

    /// Runs for so long.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    /// Runs until nothing is on its way and no timer runs. Machines that refresh something for ever never get there:
    /// this panics after ten million steps.
    pub fn run_until_idle(&mut self) {
        for _ in 0..STEPS {
            if !self.step() {
                return;
            }
        }
        panic!("the network does not come to rest: {} things on their way at {:?}", self.queue.len(), self.now);
    }

    /// Runs until `condition` holds; false if that is not so within `limit` from now, or nothing more happens.
    pub fn drive(&mut self, mut condition: impl FnMut(&mut Network) -> bool, limit: Duration) -> bool {
        let end = self.now + limit;
        loop {
            if condition(self) {
                return true;
            }
            if !self.take_inboxes() {
                match self.next_time() {
                    Some(next) if next <= end => self.step(),
                    next => {
                        // Time passes also where nothing happens; what happens later stays for later.
                        self.now = if next.is_some() { end } else { self.now };
                        return condition(self);
                    }
                };
            }
        }
    }

    /// Runs until a future is ready, for the handles of a machine. Panics with the ladder if it is not within `limit`.
    pub fn block_on<F: Future>(&mut self, limit: Duration, future: F) -> F::Output {
        let mut future = pin!(future);
        let flag = Flag::up();
        let waker = flag.waker();
        let mut context = Context::from_waker(&waker);
        let mut output = None;
        let ready = |_: &mut Network| {
            if output.is_none()
                && flag.take()
                && let Poll::Ready(value) = future.as_mut().poll(&mut context)
            {
                output = Some(value);
            }
            output.is_some()
        };
        self.drive(ready, limit);
        output.unwrap_or_else(|| panic!("not ready at {} ms\n{}", self.now.as_millis(), self.ladder()))
    }
}
