//! Challenges (RFC 3261 22, RFC 8898): answered with what is known, or with what the application gives when it is asked.

use std::net::IpAddr;

use super::config::check_credential;
use super::event::Event;
use super::outgoing::{Outgoing, Purpose};
use super::{Config, Endpoint, Error, Timer};
use crate::arena::Key;
use crate::auth::{AuthClient, AuthError, Credential, Sending, Verdict};
use crate::message::{Response, StatusCode};
use crate::time::Instant;
use crate::timer::TimerId;
use crate::transport::Path;

/// Questions to the application at a time; beyond that there are no credentials.
const QUESTIONS: usize = 64;

/// Names a question for credentials; never reused within an endpoint's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialQuery(u64);

impl CredentialQuery {
    /// The question of this number.
    pub const fn from_number(number: u64) -> CredentialQuery {
        CredentialQuery(number)
    }

    /// The number behind it, the same in every language's handles.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The questions that are open.
#[derive(Debug, Default)]
pub(super) struct Asking {
    next: u64,
    open: Vec<Question>,
}

impl Asking {
    /// The first question has the number after that.
    pub(super) fn after(last: u64) -> Asking {
        Asking { next: last, open: Vec::new() }
    }
}

/// One question, and the requests that wait for its answer.
#[derive(Debug)]
struct Question {
    query: CredentialQuery,
    realm: Box<str>,
    waiting: Vec<Key>,
    timer: TimerId,
}

pub(super) fn client(config: &Config) -> AuthClient {
    let mut client = AuthClient::new(config.credentials.clone(), &config.domain()).with_minimum(config.weakest_digest);
    client.set_asks(config.ask_credentials);
    client
}

/// What a server sees of a request.
fn sending(outgoing: &Outgoing, protected: bool) -> Sending<'_> {
    Sending {
        method: outgoing.method.as_str(),
        uri: &outgoing.uri,
        call_id: &outgoing.call_id,
        body: outgoing.body.as_ref().map(|(_, body)| &**body).unwrap_or_default(),
        protected,
    }
}

impl Endpoint {
    /// Answers [`Event::CredentialsNeeded`]: with a credential for the realm that asks, or with `None` if there is none.
    /// The requests that wait for it then go on or fail.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a credential that cannot be sent: the question stays open. [`Error::State`] if the question is
    /// no longer open.
    pub fn credentials(
        &mut self,
        now: Instant,
        query: CredentialQuery,
        credential: Option<Credential>,
    ) -> Result<(), Error> {
        credential.as_ref().map_or(Ok(()), check_credential)?;
        let found = self.asking.open.iter().position(|question| question.query == query);
        let Some(at) = found else { return Err(Error::State("nobody waits for these credentials any more")) };
        let question = self.asking.open.remove(at);
        self.timers.cancel(question.timer);
        self.answered(now, question, credential);
        self.pump(now);
        Ok(())
    }

    /// Whether the application is asked for credentials: [`Config::ask_credentials`], changed.
    pub fn set_ask_credentials(&mut self, ask: bool) {
        self.config.ask_credentials = ask;
        self.auth.set_asks(ask);
    }

    pub(super) fn on_credentials_timer(&mut self, now: Instant, query: CredentialQuery) {
        if let Some(at) = self.asking.open.iter().position(|question| question.query == query) {
            let question = self.asking.open.remove(at);
            self.answered(now, question, None);
        }
    }

    fn answered(&mut self, now: Instant, question: Question, credential: Option<Credential>) {
        let given = credential.is_some();
        if let Some(credential) = credential {
            self.auth.provide(&question.realm, credential);
        }
        for key in question.waiting {
            let Some(outgoing) = self.outgoing.get_mut(key) else { continue };
            let Some((status, open)) = &mut outgoing.challenge else { continue };
            *open = open.saturating_sub(1);
            let (status, open) = (*status, *open);
            if !given {
                outgoing.attempt.decline(&question.realm);
            }
            if open == 0 {
                outgoing.challenge = None;
                self.go_on(now, key, status);
            }
        }
    }

    /// All it waited for has been answered.
    fn go_on(&mut self, now: Instant, key: Key, status: StatusCode) {
        let protected = self.is_protected(key);
        let Some(outgoing) = self.outgoing.get_mut(key) else { return };
        let mut attempt = std::mem::take(&mut outgoing.attempt);
        let result = self.auth.resume(&sending(outgoing, protected), &mut attempt);
        outgoing.attempt = attempt;
        match result {
            Ok(()) => self.retry(now, key),
            Err(cause) => self.on_failure(now, key, Error::Authentication { status, cause }),
        }
    }

    /// The credentials for the next try of a request.
    pub(super) fn authorize(&mut self, key: Key, path: Path) {
        let protected = self.protects(path);
        let Some(outgoing) = self.outgoing.get_mut(key) else { return };
        let mut attempt = std::mem::take(&mut outgoing.attempt);
        let entropy = &mut self.entropy;
        let fields = self.auth.authorize(&mut attempt, &sending(outgoing, protected), &mut || entropy.u64());
        outgoing.attempt = attempt;
        outgoing.authorization = fields;
    }

    /// 401 or 407: the request goes again, waits for credentials, or has failed.
    pub(super) fn on_challenge(&mut self, now: Instant, key: Key, response: &Response) {
        let protected = self.is_protected(key);
        let status = response.status();
        let Some(outgoing) = self.outgoing.get_mut(key) else { return };
        let mut attempt = std::mem::take(&mut outgoing.attempt);
        let verdict = self.auth.challenged(response, &sending(outgoing, protected), &mut attempt);
        outgoing.attempt = attempt;
        let requests = match verdict {
            Ok(Verdict::Retry) => return self.retry(now, key),
            Ok(Verdict::Ask(requests)) => requests,
            Err(cause) => return self.on_failure(now, key, Error::Authentication { status, cause }),
        };
        // Nothing is under way any more that could be cancelled.
        outgoing.client = None;
        let mut open = 0_usize;
        for request in requests {
            if let Some(question) = self.asking.open.iter_mut().find(|question| question.realm == request.realm) {
                question.waiting.push(key);
            } else if self.asking.open.len() < QUESTIONS {
                self.asking.next = self.asking.next.wrapping_add(1);
                let query = CredentialQuery(self.asking.next);
                let timer = self.timers.insert(now + self.config.credentials_timeout, Timer::Credentials(query));
                let question = Question { query, realm: request.realm.clone(), waiting: vec![key], timer };
                self.asking.open.push(question);
                self.events.push_back(Event::CredentialsNeeded { query, request: Box::new(request), at: now });
            } else {
                if let Some(outgoing) = self.outgoing.get_mut(key) {
                    outgoing.attempt.decline(&request.realm);
                }
                continue;
            }
            open = open.saturating_add(1);
        }
        if open == 0 {
            return self.go_on(now, key, status);
        }
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.challenge = Some((status, open));
        }
    }

    /// A success whose sender proved that it does not know the password (RFC 7616 3.5).
    pub(super) fn on_impostor(
        &mut self,
        now: Instant,
        outgoing: Outgoing,
        response: &Response,
        source: Path,
        cause: AuthError,
    ) {
        let purpose = outgoing.purpose;
        match purpose {
            Purpose::Invite(call) => {
                // It is answered, and can only be ended.
                self.finish_request(now, outgoing, Ok((response, source)));
                self.begin_hang_up(now, call, Some("SIP;cause=403;text=\"Wrong rspauth\""));
            }
            // What these did is done.
            Purpose::Reinvite(_) | Purpose::Bye(_) | Purpose::Prack(..) | Purpose::Nobody => {
                self.finish_request(now, outgoing, Ok((response, source)));
            }
            _ => {
                let error = Error::Authentication { status: response.status(), cause };
                self.finish_request(now, outgoing, Err(error));
            }
        }
    }

    fn is_protected(&self, key: Key) -> bool {
        self.outgoing.get(key).and_then(|outgoing| outgoing.path).is_some_and(|path| self.protects(path))
    }

    /// Whether nobody else can read what goes there, so that it may carry a token: it is encrypted, or stays on this
    /// machine.
    fn protects(&self, path: Path) -> bool {
        let flows = self.transactions.flows();
        let local = |host: &str| {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
        };
        self.config.allow_unprotected_tokens
            || flows.transport(path.flow).is_some_and(|transport| transport.is_secure())
            || path.remote.ip().is_loopback()
            || (path.remote == Path::UNKNOWN && flows.host(path.flow).is_some_and(local))
    }
}
