//! Event state published to a compositor (RFC 3903): made, refreshed, changed, taken back, and made anew where it was
//! lost.

use std::time::Duration;

use bytes::Bytes;

use super::event::{Event, OpId, Outcome};
use super::outgoing::{Outgoing, Purpose};
use super::registration::{refresh_after, retry_after};
use super::subscription::{may_recover, read_event};
use super::{Endpoint, Error, Refusal, Timer};
use crate::arena::Key;
use crate::message::{Method, Name, Response, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::Path;

/// A compositor that answers 423 again and again is not followed for ever.
const INTERVAL_ROUNDS: u32 = 3;
/// Header fields that the publication writes itself.
const OWN: [&str; 4] = ["event", "o", "expires", "sip-if-match"];

/// Names a publication of one endpoint; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicationId(pub(crate) Key);

impl PublicationId {
    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0.to_u64()
    }
}

/// What a publication is made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishOptions {
    /// Whose state it is; the address of record by default.
    pub target: Option<String>,
    /// Seconds to ask for; 3600.
    pub expires: u32,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
}

impl Default for PublishOptions {
    fn default() -> PublishOptions {
        PublishOptions { target: None, expires: 3600, headers: Vec::new() }
    }
}

impl PublishOptions {
    /// For another target than the address of record.
    #[must_use]
    pub fn target(mut self, target: &str) -> PublishOptions {
        self.target = Some(target.into());
        self
    }

    /// For so many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> PublishOptions {
        self.expires = seconds;
        self
    }

    /// With one more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> PublishOptions {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A publication's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicationState {
    /// The compositor has it; refreshed by itself.
    Published {
        /// Seconds granted.
        expires: u32,
    },
    /// It could not be refreshed; tried again after a while.
    Lost(Error),
    /// It is over: taken back, or refused for good. Nothing follows.
    Ended(Option<Error>),
}

type Content = (Box<str>, Bytes);

/// Which PUBLISH waits for its answer (RFC 3903 4.1).
#[derive(Debug)]
enum Sent {
    /// A state the compositor does not have: the first, a newer one, or once more after 412.
    State(Content, Vec<OpId>),
    Refresh,
    Remove,
}

#[derive(Debug)]
pub(super) struct Publication {
    target: Box<str>,
    event: Box<str>,
    headers: Vec<(String, String)>,
    call_id: Box<str>,
    from: Box<str>,
    cseq: u32,
    /// Seconds to ask for; raised by 423.
    expires: u32,
    rounds: u32,
    /// What the compositor calls the state it has of us.
    etag: Option<Box<str>>,
    /// The state it took last.
    current: Option<Content>,
    /// The state that waits to be sent, and who waits for it.
    next: Option<(Content, Vec<OpId>)>,
    in_flight: Option<Sent>,
    wanted: bool,
    /// The application has been told that it is published, and nothing else since.
    published: bool,
    removals: Vec<OpId>,
    timer: Option<TimerId>,
    failures: u32,
}

impl Publication {
    /// One Call-ID and a rising CSeq for all requests of a publication.
    fn next_cseq(&mut self) -> u32 {
        self.cseq = self.cseq.saturating_add(1);
        self.cseq
    }
}

impl Endpoint {
    /// Publishes a state of an event package. Done when the compositor said 2xx; refreshed from then on, and published
    /// anew where the compositor has lost it (412).
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for what cannot be sent, [`Error::Limit`] with too many publications, [`Error::Status`] if it was
    /// refused; there is no publication then.
    pub fn publish(
        &mut self,
        now: Instant,
        event: &str,
        content_type: &str,
        body: Bytes,
        options: PublishOptions,
    ) -> OpId {
        let op = self.op();
        match self.begin_publication(event, content_type, body, options, op) {
            Ok(key) => self.send_publish(now, key),
            Err(error) => self.done(op, Err(error)),
        }
        self.pump(now);
        op
    }

    fn begin_publication(
        &mut self,
        event: &str,
        content_type: &str,
        body: Bytes,
        options: PublishOptions,
        op: OpId,
    ) -> Result<Key, Error> {
        self.may_begin()?;
        let target = self.complete_target(options.target.as_deref().unwrap_or(self.config.aor.as_str()))?;
        let event = read_event(event)?.value;
        super::headers::check_headers(&options.headers)?;
        if let Some((name, _)) =
            options.headers.iter().find(|(name, _)| OWN.iter().any(|own| own.eq_ignore_ascii_case(name)))
        {
            return Err(Error::input(name, 0, "this header field is written by the publication itself"));
        }
        check_content_type(content_type)?;
        if self.publications.len() >= self.config.limits.publications {
            return Err(Error::Limit("too many publications"));
        }
        let tag = self.entropy.tag();
        Ok(self.publications.insert(Publication {
            target: target.request_uri().as_str().into(),
            event,
            headers: options.headers,
            call_id: self.entropy.call_id(),
            from: self.local_address(&tag),
            cseq: 0,
            // Nothing at all would take it back.
            expires: options.expires.max(1),
            rounds: 0,
            etag: None,
            current: None,
            next: Some(((content_type.into(), body), vec![op])),
            in_flight: None,
            wanted: true,
            published: false,
            removals: Vec::new(),
            timer: None,
            failures: 0,
        }))
    }

    /// Publishes another state in place of the one before. Done with a 2xx; of several that wait only the last is sent.
    ///
    /// # Errors
    ///
    /// [`Error::State`] for a publication that is over, [`Error::Status`] if it was refused: the state before is in
    /// force then.
    pub fn update_publication(
        &mut self,
        now: Instant,
        publication: PublicationId,
        content_type: &str,
        body: Bytes,
    ) -> OpId {
        let op = self.op();
        let entry = self.publications.get_mut(publication.0).filter(|entry| entry.wanted);
        match (check_content_type(content_type), entry) {
            (Err(error), _) => self.done(op, Err(error)),
            (_, None) => self.done(op, Err(Error::State("the publication is over"))),
            (_, Some(entry)) => {
                let mut ops = entry.next.take().map(|(_, ops)| ops).unwrap_or_default();
                ops.push(op);
                entry.next = Some(((content_type.into(), body), ops));
                self.send_publish(now, publication.0);
            }
        }
        self.pump(now);
        op
    }

    /// Takes a publication back. Done when the compositor said 2xx; one that is over already is no error.
    pub fn remove_publication(&mut self, now: Instant, publication: PublicationId) -> OpId {
        let op = self.op();
        match self.publications.get_mut(publication.0) {
            None => self.done(op, Ok(Outcome::Done)),
            Some(entry) => {
                entry.removals.push(op);
                self.begin_removal(now, publication.0);
            }
        }
        self.pump(now);
        op
    }

    fn begin_removal(&mut self, now: Instant, key: Key) {
        let Some(entry) = self.publications.get_mut(key) else { return };
        entry.wanted = false;
        for op in entry.next.take().map(|(_, ops)| ops).unwrap_or_default() {
            self.done(op, Err(Error::Cancelled));
        }
        self.send_publish(now, key);
    }

    /// Sends what is to be said now, unless something waits for its answer.
    fn send_publish(&mut self, now: Instant, key: Key) {
        self.stop_publication_timer(key);
        let Some(entry) = self.publications.get_mut(key) else { return };
        if entry.in_flight.is_some() {
            return;
        }
        let sent = match (entry.wanted, &entry.etag, entry.next.take()) {
            (false, None, _) => return self.end_publication(now, key, None),
            (false, Some(_), _) => Sent::Remove,
            (true, _, Some((content, ops))) => Sent::State(content, ops),
            (true, Some(_), None) => Sent::Refresh,
            (true, None, None) => match entry.current.clone() {
                Some(content) => Sent::State(content, Vec::new()),
                None => return,
            },
        };
        let expires = if matches!(sent, Sent::Remove) { 0 } else { entry.expires };
        let cseq = entry.next_cseq();
        let mut to = String::from("<");
        to.push_str(&entry.target);
        to.push('>');
        let purpose = Purpose::Publish(key);
        let (target, from, call_id) = (&entry.target, &entry.from, &entry.call_id);
        let mut outgoing = Outgoing::new(purpose, Method::Publish, target, from, &to, call_id, cseq);
        outgoing = outgoing.header("Event", &entry.event).header("Expires", &expires.to_string());
        if let Some(etag) = &entry.etag {
            outgoing = outgoing.header("SIP-If-Match", etag);
        }
        for (name, value) in &entry.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Sent::State((content_type, body), _) = &sent {
            outgoing = outgoing.body(content_type, body.clone());
        }
        entry.in_flight = Some(sent);
        self.send_request(now, outgoing);
    }

    pub(super) fn next_publication_cseq(&mut self, key: Key, last: u32) -> u32 {
        self.publications.get_mut(key).map_or(last.saturating_add(1), Publication::next_cseq)
    }

    pub(super) fn on_published(&mut self, now: Instant, key: Key, result: Result<(&Response, Path), Error>) {
        let Some(entry) = self.publications.get_mut(key) else { return };
        let Some(sent) = entry.in_flight.take() else { return };
        match result {
            Ok((response, _)) if response.status().is_success() => self.on_publish_accepted(now, key, sent, response),
            // 4.1: what the compositor has lost is published anew.
            Ok((response, _))
                if response.status() == StatusCode::CONDITIONAL_REQUEST_FAILED && entry.etag.take().is_some() =>
            {
                restore(entry, sent);
                self.send_publish(now, key);
            }
            Ok((response, _)) if response.status() == StatusCode::INTERVAL_TOO_BRIEF && raise(entry, response) => {
                restore(entry, sent);
                self.send_publish(now, key);
            }
            Ok((response, _)) => {
                let refusal = Refusal::of(response.status(), response.reason(), response);
                self.on_publish_failed(now, key, sent, Error::Status(refusal));
            }
            Err(error) => {
                if matches!(error, Error::Timeout(_)) {
                    self.suspect_server(now);
                }
                self.on_publish_failed(now, key, sent, error);
            }
        }
    }

    fn on_publish_accepted(&mut self, now: Instant, key: Key, sent: Sent, response: &Response) {
        let permille = self.entropy.below(1000);
        let Some(entry) = self.publications.get_mut(key) else { return };
        let ops = match sent {
            Sent::Remove => return self.end_publication(now, key, None),
            Sent::Refresh => Vec::new(),
            Sent::State(content, ops) => {
                entry.current = Some(content);
                ops
            }
        };
        let asked = entry.expires;
        let expires = response.expires().ok().flatten().unwrap_or(asked).min(asked);
        // A compositor that gives none is sent the whole state each time.
        entry.etag = response.text(Name::SipEtag).ok().flatten().map(Into::into);
        entry.failures = 0;
        entry.rounds = 0;
        let news = !std::mem::replace(&mut entry.published, true);
        let more = entry.next.is_some() || !entry.wanted;
        let publication = PublicationId(key);
        if news {
            self.tell_publication(now, key, PublicationState::Published { expires });
        }
        for op in ops {
            self.done(op, Ok(Outcome::Published { publication, expires }));
        }
        match more {
            true => self.send_publish(now, key),
            false => self.set_publication_timer(key, now + refresh_after(expires, permille)),
        }
    }

    fn on_publish_failed(&mut self, now: Instant, key: Key, sent: Sent, error: Error) {
        let permille = self.entropy.below(1000);
        let Some(entry) = self.publications.get_mut(key) else { return };
        let (first, failures) = (entry.current.is_none(), entry.failures);
        let ops = match sent {
            Sent::Remove => {
                // It runs out by itself; for the application it is gone.
                for op in std::mem::take(&mut entry.removals) {
                    self.done(op, Err(error.clone()));
                }
                return self.end_publication(now, key, None);
            }
            Sent::State(_, ops) => Some(ops),
            Sent::Refresh => None,
        };
        let is_change = ops.as_ref().is_some_and(|ops| !ops.is_empty());
        for op in ops.unwrap_or_default() {
            self.done(op, Err(error.clone()));
        }
        let Some(entry) = self.publications.get_mut(key) else { return };
        if first || !entry.wanted {
            return self.end_publication(now, key, Some(error));
        }
        let recovers = may_recover(&error);
        if !recovers && !is_change {
            return self.end_publication(now, key, Some(error));
        }
        entry.failures = failures.saturating_add(1);
        let told = match &error {
            Error::Status(refusal) => refusal.retry_after.map(|seconds| Duration::from_secs(seconds.into())),
            _ => None,
        };
        let more = entry.next.is_some();
        // A change that was refused leaves the state before in force.
        if !is_change && std::mem::take(&mut entry.published) {
            self.tell_publication(now, key, PublicationState::Lost(error));
        }
        match more && is_change {
            true => self.send_publish(now, key),
            false => self.set_publication_timer(key, now + told.unwrap_or_else(|| retry_after(failures, permille))),
        }
    }

    fn end_publication(&mut self, now: Instant, key: Key, error: Option<Error>) {
        self.stop_publication_timer(key);
        let Some(mut entry) = self.publications.remove(key) else { return };
        for op in std::mem::take(&mut entry.removals) {
            self.done(op, Ok(Outcome::Done));
        }
        let waiting = entry.next.take().map(|(_, ops)| ops).into_iter().chain(match entry.in_flight.take() {
            Some(Sent::State(_, ops)) => Some(ops),
            _ => None,
        });
        for op in waiting.flatten() {
            self.done(op, Err(error.clone().unwrap_or(Error::Cancelled)));
        }
        // Before its first 2xx nobody knows of it.
        if entry.current.is_some() {
            self.tell_publication(now, key, PublicationState::Ended(error));
        }
    }

    fn tell_publication(&mut self, now: Instant, key: Key, state: PublicationState) {
        self.events.push_back(Event::Publication { publication: PublicationId(key), state, at: now });
    }

    pub(super) fn on_publication_timer(&mut self, now: Instant, key: Key) {
        if let Some(entry) = self.publications.get_mut(key) {
            entry.timer = None;
            self.send_publish(now, key);
        }
    }

    fn set_publication_timer(&mut self, key: Key, at: Instant) {
        self.stop_publication_timer(key);
        let timer = self.timers.insert(at, Timer::Publication(key));
        match self.publications.get_mut(key) {
            Some(entry) => entry.timer = Some(timer),
            None => _ = self.timers.cancel(timer),
        }
    }

    fn stop_publication_timer(&mut self, key: Key) {
        if let Some(timer) = self.publications.get_mut(key).and_then(|entry| entry.timer.take()) {
            self.timers.cancel(timer);
        }
    }

    /// The way to the server is up again: what it has of us is refreshed, or published anew where it has nothing.
    pub(super) fn resume_publications(&mut self, now: Instant) {
        let keys: Vec<_> = self.publications.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.send_publish(now, key);
        }
    }

    /// This side goes: every publication is taken back.
    pub(super) fn remove_publications(&mut self, now: Instant) {
        let keys: Vec<_> = self.publications.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.begin_removal(now, key);
        }
    }

    /// Ends all publications without a word to anybody.
    pub(super) fn drop_publications(&mut self, now: Instant) {
        let keys: Vec<_> = self.publications.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.end_publication(now, key, Some(Error::Cancelled));
        }
    }
}

/// What was not taken waits again, unless something newer does; those who wait for it wait on.
fn restore(entry: &mut Publication, sent: Sent) {
    if let Sent::State(content, mut ops) = sent {
        entry.next = Some(match entry.next.take() {
            Some((newer, more)) => {
                ops.extend(more);
                (newer, ops)
            }
            None => (content, ops),
        });
    }
}

/// 423: ask for the compositor's minimum.
fn raise(entry: &mut Publication, response: &Response) -> bool {
    let Ok(Some(minimum)) = response.number(Name::MinExpires) else { return false };
    entry.rounds = entry.rounds.saturating_add(1);
    if minimum <= entry.expires || entry.rounds > INTERVAL_ROUNDS {
        return false;
    }
    entry.expires = minimum;
    true
}

fn check_content_type(content_type: &str) -> Result<(), Error> {
    super::headers::check_values(&[("Content-Type".into(), content_type.into())])
}
