//! Time, and the steps of the machines carried out.

use bytes::Bytes;

use super::client::Client;
use super::layer::TimerKey;
use super::response::respond_to;
use super::{Change, ClientState, Event, Failure, ServerId, ServerState, Step, Timer, Transactions};
use crate::arena::Key;
use crate::hashing::take_out;
use crate::message::StatusCode;
use crate::time::Instant;
use crate::timer::{TimerId, TimerQueue};

impl<U: Copy> Transactions<U> {
    /// See [`Machine::poll_timeout`](crate::transport::Machine::poll_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.next()
    }

    /// See [`Machine::handle_timeout`](crate::transport::Machine::handle_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((key, _)) = self.queue.pop(now) {
            match key {
                TimerKey::Client(id, timer) => {
                    let Some(client) = self.clients.get_mut(id) else { continue };
                    let step = client.on_timer(now, timer, &self.timers);
                    self.client_step(now, id, step);
                }
                TimerKey::Stream(flow) => self.message_late(flow),
                TimerKey::Server(id, Timer::Trying) => self.send_trying(now, id),
                TimerKey::Server(id, timer) => {
                    let Some(server) = self.servers.get_mut(id) else { continue };
                    let step = server.on_timer(now, timer, &self.timers);
                    self.server_step(now, id, step);
                }
            }
        }
    }

    pub(super) fn send_trying(&mut self, now: Instant, id: Key) {
        let Some(server) = self.servers.get(id) else { return };
        let Some(held) = &server.held else { return };
        let Some(request) = &held.request else { return };
        let built = respond_to(request, held.source().remote, StatusCode::TRYING, None, None).finish();
        if let Ok(message) = built {
            // A flow that is gone needs no 100.
            let _ = self.respond(now, ServerId(id), StatusCode::TRYING, message);
        }
    }

    pub(super) fn client_step(&mut self, now: Instant, id: Key, step: Step) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let timer = |timer| TimerKey::Client(id, timer);
        change(&mut self.queue, now, &mut client.retransmit, step.retransmit, timer);
        change(&mut self.queue, now, &mut client.bound, step.bound, timer);
        let over = client.state() == ClientState::Terminated;
        if step.send {
            let (path, message) = (client.path, Bytes::clone(&client.message));
            if let Err(error) = self.send(path, message) {
                return self.fail(id, Failure::Transport(error));
            }
        }
        if let Some(timer) = step.timed_out {
            return self.fail(id, Failure::Timeout(timer));
        }
        if over {
            self.drop_client(id);
        }
    }

    pub(super) fn server_step(&mut self, now: Instant, id: Key, step: Step) {
        let Some(server) = self.servers.get_mut(id) else { return };
        let timer = |timer| TimerKey::Server(id, timer);
        change(&mut self.queue, now, &mut server.retransmit, step.retransmit, timer);
        change(&mut self.queue, now, &mut server.bound, step.bound, timer);
        let state = server.state();
        let user = server.user;
        if step.send
            && let Some(held) = server.held.as_mut().filter(|held| !held.message.is_empty())
        {
            let path = held.path;
            let message = if state == ServerState::Accepted {
                std::mem::take(&mut held.message).into() // the 2xx is the user's to retransmit
            } else {
                Bytes::clone(&held.message)
            };
            // The client retransmits its request if this is lost; a broken flow is reported by FlowDown.
            let _ = self.send(path, message);
        }
        if step.timed_out.is_some() {
            self.events.push_back(Event::Unacknowledged { server: ServerId(id), user });
        }
        if state == ServerState::Terminated {
            self.drop_server(id);
        }
    }

    pub(super) fn drop_client(&mut self, id: Key) -> Option<Client<U>> {
        let client = self.clients.remove(id)?;
        for timer in [client.retransmit, client.bound].into_iter().flatten() {
            self.queue.cancel(timer);
        }
        take_out(&mut self.client_keys, &client.key);
        Some(client)
    }

    pub(super) fn drop_server(&mut self, id: Key) {
        let Some(server) = self.servers.remove(id) else { return };
        if server.is_pending() {
            self.pending = self.pending.saturating_sub(1);
        }
        for timer in [server.retransmit, server.bound].into_iter().flatten() {
            self.queue.cancel(timer);
        }
        take_out(&mut self.server_keys, &server.key);
        if let Some(merged) = server.merged
            && self.merged_keys.get(&merged) == Some(&id)
        {
            take_out(&mut self.merged_keys, &merged);
        }
    }
}

fn change(
    queue: &mut TimerQueue<TimerKey>,
    now: Instant,
    slot: &mut Option<TimerId>,
    change: Change,
    key: impl Fn(Timer) -> TimerKey,
) {
    if change == Change::Keep {
        return;
    }
    if let Some(old) = slot.take() {
        queue.cancel(old);
    }
    if let Change::Start(timer, after) = change {
        *slot = Some(queue.insert(now + after, key(timer)));
    }
}
