//! The client's side: which challenges to answer, with which credential, and what to remember.
use super::digest::{Algorithm, Input, Qop, hash, response};
use super::params::{push_hex, push_quoted, push_token};
use super::secret::Credential;
use crate::message::{AuthParams, Fields, Name, ParseError};
use std::borrow::Cow;

const MAX_ROUNDS: u8 = 8;
const MAX_CHALLENGES: usize = 16;
const MAX_SPACES: usize = 16;

/// Credentials of one account and what the servers of each realm asked for last (RFC 3261 22, RFC 8760 2.4).
///
/// For every request the caller keeps one [`Attempt`]: [`authorize`](Self::authorize) gives the header fields to put
/// into the request, [`challenged`](Self::challenged) reads a 401 or 407 and says whether sending again makes sense,
/// [`accepted`](Self::accepted) reads a final response that was no challenge.
///
/// - Of several challenges for one realm the strongest that the credential can answer is taken, the topmost among
///   equals; unknown schemes and algorithms are ignored. All realms of a 401 and a 407 are answered together.
/// - Once a realm (of origin servers, or of proxies) asked with a strong algorithm, a weaker one is refused.
/// - Proxies' realms are answered ahead on every later request, a server's own on later requests to the same
///   Request-URI, so that most requests need one round trip and no realm sees what was meant for another server.
/// - An ACK for a 2xx repeats the header fields of its INVITE (RFC 3261 22.1): ask nothing here, copy them. A CANCEL
///   cannot be challenged.
#[derive(Clone, Debug)]
pub struct DigestClient {
    credentials: Vec<Credential>,
    spaces: Vec<Space>,
    serial: u32,
    minimum: Option<Algorithm>,
}

/// What one request, over all its retries, has tried. Make a new one for each new request.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    rounds: u8,
    /// Spaces whose challenge came in answer to this very request.
    answered: Vec<u32>,
    /// Spaces whose credentials went out in the last try, with the serial of the challenge they answered.
    sent: Vec<(u32, u32)>,
    rejected: Vec<u32>,
}

/// Why a challenge cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The response carries no challenge.
    #[error("the response carries no challenge")]
    NoChallenge,
    /// The peer's only challenge cannot be read.
    #[error("unreadable challenge: {0}")]
    Malformed(#[from] ParseError),
    /// A challenge lacks a parameter that it must have.
    #[error("challenge without {0}")]
    Incomplete(&'static str),
    /// Only schemes, algorithms or qop values that this library or the credential's stored form does not know.
    #[error("unsupported challenge: {0}")]
    Unsupported(Box<str>),
    /// The application gave no credential for this realm.
    #[error("no credential for realm {realm:?}")]
    NoCredential {
        /// The realm of the challenge.
        realm: Box<str>,
    },
    /// The algorithm is weaker than what this realm used before, or than the configured minimum.
    #[error("realm {realm:?} offers only {offered:?}, at least {required:?} is required")]
    Downgrade {
        /// The realm of the challenge.
        realm: Box<str>,
        /// The strongest algorithm offered.
        offered: Algorithm,
        /// The weakest that would have been accepted.
        required: Algorithm,
    },
    /// The server read the credentials and refused them: wrong user name or password.
    #[error("wrong user name or password for {realm:?}")]
    Rejected {
        /// The realm of the challenge.
        realm: Box<str>,
    },
    /// The request was challenged again and again, each time with a new reason to retry.
    #[error("challenged too many times")]
    TooManyRounds,
}

/// A protection space: one realm of origin servers or of proxies, and the challenge it gave last.
#[derive(Clone, Debug)]
struct Space {
    id: u32,
    /// Changes with each nonce.
    serial: u32,
    challenge: Challenge,
    credential: usize,
    count: u32,
    /// Kept per nonce for the -sess algorithms.
    cnonce: String,
    uri: String,
    /// False after a rejection: only the algorithm is remembered.
    usable: bool,
}

#[derive(Clone, Debug)]
struct Challenge {
    proxy: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    names_algorithm: bool,
    qop: Qop,
    stale: bool,
    userhash: bool,
}

impl DigestClient {
    /// A client with the credentials to answer with; those restricted to a realm go before the others.
    pub fn new(credentials: Vec<Credential>) -> DigestClient {
        DigestClient { credentials, spaces: Vec::new(), serial: 0, minimum: None }
    }

    /// Refuses every challenge with an algorithm weaker than this.
    #[must_use]
    pub fn with_minimum(mut self, minimum: Algorithm) -> DigestClient {
        self.minimum = Some(minimum);
        self
    }

    /// Replaces the credentials and forgets all challenges.
    pub fn set_credentials(&mut self, credentials: Vec<Credential>) {
        self.credentials = credentials;
        self.spaces.clear();
    }

    /// True if there is no credential at all, so that no challenge can be answered.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// Reads the challenges of a 401 or 407 response to the request of `attempt`.
    ///
    /// # Errors
    ///
    /// `Ok` means that at least one realm can be answered that was not before: call [`authorize`](Self::authorize)
    /// and send the request again, with the next CSeq. Otherwise the error that explains best why not.
    pub fn challenged(&mut self, response: &Fields, attempt: &mut Attempt) -> Result<(), AuthError> {
        let mut challenges = Vec::new();
        for (proxy, name) in [(false, Name::WwwAuthenticate), (true, Name::ProxyAuthenticate)] {
            challenges.extend(response.challenges(name).map(|challenge| {
                let challenge = challenge?;
                Challenge::read(proxy, challenge.scheme, challenge.params())
            }));
        }
        self.consider(challenges, attempt)
    }

    /// The header fields that answer every challenge that applies: for the realms that challenged this attempt, and,
    /// ahead, for those known from earlier requests. `uri` is the Request-URI as sent, `body` the body as sent;
    /// `entropy` gives random numbers for the cnonce. Empty if nothing is known.
    pub fn authorize(
        &mut self,
        attempt: &mut Attempt,
        method: &str,
        uri: &str,
        body: &[u8],
        entropy: &mut dyn FnMut() -> u64,
    ) -> Vec<(Name, String)> {
        attempt.sent.clear();
        let mut fields = Vec::new();
        for space in &mut self.spaces {
            let asked = attempt.answered.contains(&space.id);
            let ahead = space.challenge.proxy || space.uri == uri;
            if !space.usable || attempt.rejected.contains(&space.id) || !(asked || ahead) {
                continue;
            }
            let Some(credential) = self.credentials.get(space.credential) else {
                continue;
            };
            let Some(value) = space.answer(credential, method, uri, body, entropy) else {
                continue;
            };
            attempt.sent.push((space.id, space.serial));
            fields.push((if space.challenge.proxy { Name::ProxyAuthorization } else { Name::Authorization }, value));
        }
        fields
    }

    /// Reads what a final response other than a challenge says: the next nonce (RFC 7616 3.5). It is not taken up for
    /// the -sess algorithms, whose key is bound to the nonce of the challenge.
    pub fn accepted(&mut self, response: &Fields, attempt: &Attempt) {
        if attempt.sent.is_empty() {
            return;
        }
        for (proxy, name) in [(false, Name::AuthenticationInfo), (true, Name::ProxyAuthenticationInfo)] {
            if let Some(info) = response.auth_info(name) {
                self.next_nonce(proxy, info, attempt);
            }
        }
    }

    fn next_nonce(&mut self, proxy: bool, info: AuthParams<'_>, attempt: &Attempt) {
        let Some(nonce) = info.get("nextnonce").filter(|nonce| !nonce.is_empty()) else {
            return;
        };
        let serial = self.new_serial();
        let mut used = self
            .spaces
            .iter_mut()
            .filter(|space| space.challenge.proxy == proxy && attempt.sent.iter().any(|&(id, _)| id == space.id));
        // The header names no realm: with more than one it is anybody's.
        if let (Some(space), None) = (used.next(), used.next())
            && space.challenge.algorithm == space.challenge.algorithm.base()
        {
            space.challenge.nonce = nonce.into_owned();
            space.serial = serial;
            space.count = 0;
        }
    }

    fn consider(
        &mut self,
        challenges: Vec<Result<Challenge, AuthError>>,
        attempt: &mut Attempt,
    ) -> Result<(), AuthError> {
        if attempt.rounds >= MAX_ROUNDS {
            return Err(AuthError::TooManyRounds);
        }
        attempt.rounds = attempt.rounds.saturating_add(1);
        let mut problem = AuthError::NoChallenge;
        let mut chosen: Vec<(Challenge, usize)> = Vec::new();
        for challenge in challenges.into_iter().take(MAX_CHALLENGES) {
            match challenge.and_then(|challenge| self.select(challenge)) {
                Err(error) => problem.explain_better(error),
                Ok((challenge, credential)) => {
                    match chosen.iter_mut().find(|(other, _)| other.is_same_space(&challenge)) {
                        Some((other, _)) if !other.algorithm.is_weaker_than(challenge.algorithm) => {}
                        Some(other) => *other = (challenge, credential),
                        None => chosen.push((challenge, credential)),
                    }
                }
            }
        }
        let mut progress = false;
        for (challenge, credential) in chosen {
            match self.take_up(challenge, credential, attempt) {
                Ok(()) => progress = true,
                Err(error) => problem.explain_better(error),
            }
        }
        if progress { Ok(()) } else { Err(problem) }
    }

    /// The credential for a challenge, if it can answer it.
    fn select(&self, challenge: Challenge) -> Result<(Challenge, usize), AuthError> {
        let exact = |c: &Credential| c.realm.as_ref() == Some(&challenge.realm);
        let find = |matches: &dyn Fn(&Credential) -> bool| {
            self.credentials.iter().position(|c| matches(c) && c.secret.serves(challenge.algorithm))
        };
        match find(&exact).or_else(|| find(&|c| c.realm.is_none())) {
            Some(index) => Ok((challenge, index)),
            None if self.credentials.iter().any(|c| c.realm.is_none() || exact(c)) => {
                Err(AuthError::Unsupported(challenge.algorithm.as_str().into()))
            }
            None => Err(AuthError::NoCredential { realm: challenge.realm.into() }),
        }
    }

    fn take_up(&mut self, challenge: Challenge, credential: usize, attempt: &mut Attempt) -> Result<(), AuthError> {
        let realm = || Box::from(&*challenge.realm);
        let known = self.spaces.iter().position(|space| space.challenge.is_same_space(&challenge));
        let floor = known.and_then(|index| self.spaces.get(index)).map(|space| space.challenge.algorithm);
        for required in [floor, self.minimum].into_iter().flatten() {
            if challenge.algorithm.is_weaker_than(required) {
                return Err(AuthError::Downgrade { realm: realm(), offered: challenge.algorithm, required });
            }
        }
        let serial = self.new_serial();
        let Some(space) = known.and_then(|index| self.spaces.get_mut(index)) else {
            if self.spaces.len() >= MAX_SPACES {
                self.spaces.remove(0);
            }
            attempt.answered.push(serial);
            self.spaces.push(Space {
                id: serial,
                serial,
                challenge,
                credential,
                count: 0,
                cnonce: String::new(),
                uri: String::new(),
                usable: true,
            });
            return Ok(());
        };
        let id = space.id;
        if let Some(&(_, sent)) = attempt.sent.iter().find(|&&(sent, _)| sent == id) {
            let fresh = attempt.answered.contains(&id);
            let same = sent == space.serial && challenge.nonce == space.challenge.nonce;
            if !challenge.stale && (fresh || same) {
                space.usable = false;
                attempt.rejected.push(id);
            }
        }
        if attempt.rejected.contains(&id) {
            return Err(AuthError::Rejected { realm: realm() });
        }
        if space.challenge.nonce != challenge.nonce || space.challenge.algorithm != challenge.algorithm {
            space.count = 0;
            space.cnonce.clear();
        }
        space.serial = serial;
        space.challenge = challenge;
        space.credential = credential;
        space.usable = true;
        if !attempt.answered.contains(&id) {
            attempt.answered.push(id);
        }
        Ok(())
    }

    fn new_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }
}

impl AuthError {
    /// Keeps the error that tells the application most.
    fn explain_better(&mut self, other: AuthError) {
        fn weight(error: &AuthError) -> u8 {
            match error {
                AuthError::NoChallenge => 0,
                AuthError::Malformed(_) | AuthError::Incomplete(_) => 1,
                AuthError::Unsupported(_) => 2,
                AuthError::NoCredential { .. } => 3,
                AuthError::Downgrade { .. } => 4,
                AuthError::Rejected { .. } | AuthError::TooManyRounds => 5,
            }
        }
        if weight(&other) > weight(self) {
            *self = other;
        }
    }
}

impl Challenge {
    /// Reads a challenge.
    fn read(proxy: bool, scheme: &str, params: AuthParams<'_>) -> Result<Challenge, AuthError> {
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(AuthError::Unsupported(scheme.into()));
        }
        let is_true = |name| params.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let algorithm = params.get("algorithm");
        Ok(Challenge {
            proxy,
            realm: params.get("realm").ok_or(AuthError::Incomplete("realm"))?.into_owned(),
            nonce: params.get("nonce").ok_or(AuthError::Incomplete("nonce"))?.into_owned(),
            opaque: params.get("opaque").map(Cow::into_owned),
            names_algorithm: algorithm.is_some(),
            algorithm: match algorithm {
                None => Algorithm::Md5,
                Some(name) => Algorithm::parse(&name).ok_or_else(|| AuthError::Unsupported((*name).into()))?,
            },
            qop: match params.get("qop") {
                None => Qop::None,
                Some(offered) => {
                    let mut offered_qops = offered.split(',').filter_map(Qop::parse);
                    let first = offered_qops.next().ok_or_else(|| AuthError::Unsupported((*offered).into()))?;
                    // Middleboxes rewrite bodies: auth-int only where nothing else is offered.
                    if offered_qops.any(|qop| qop == Qop::Auth) { Qop::Auth } else { first }
                }
            },
            stale: is_true("stale"),
            userhash: is_true("userhash"),
        })
    }

    fn is_same_space(&self, other: &Challenge) -> bool {
        self.proxy == other.proxy && self.realm == other.realm
    }
}

impl Space {
    /// The header value that answers this space's challenge.
    fn answer(
        &mut self,
        credential: &Credential,
        method: &str,
        uri: &str,
        body: &[u8],
        entropy: &mut dyn FnMut() -> u64,
    ) -> Option<String> {
        let challenge = &self.challenge;
        let algorithm = challenge.algorithm;
        let is_session = algorithm != algorithm.base();
        let ha1 = credential.secret.ha1(algorithm, &credential.username, &challenge.realm)?;
        self.count = self.count.checked_add(1)?;
        if self.cnonce.is_empty() || !is_session {
            self.cnonce.clear();
            push_hex(&mut self.cnonce, entropy(), 16);
            push_hex(&mut self.cnonce, entropy(), 16);
        }
        let mut nc = String::new();
        push_hex(&mut nc, u64::from(self.count), 8);
        let response = response(&Input {
            algorithm,
            qop: challenge.qop,
            ha1: &ha1,
            nonce: &challenge.nonce,
            nc: &nc,
            cnonce: &self.cnonce,
            method,
            uri,
            body,
        });
        let mut out = String::with_capacity(320);
        out.push_str("Digest ");
        if challenge.userhash {
            push_quoted(&mut out, "username", &hash(algorithm, &[&credential.username, ":", &challenge.realm]));
            push_token(&mut out, "userhash", "true");
        } else {
            push_quoted(&mut out, "username", &credential.username);
        }
        push_quoted(&mut out, "realm", &challenge.realm);
        push_quoted(&mut out, "nonce", &challenge.nonce);
        push_quoted(&mut out, "uri", uri);
        push_quoted(&mut out, "response", &response);
        if challenge.names_algorithm {
            push_token(&mut out, "algorithm", algorithm.as_str());
        }
        if challenge.qop != Qop::None || is_session {
            push_quoted(&mut out, "cnonce", &self.cnonce);
        }
        if let Some(qop) = challenge.qop.as_str() {
            push_token(&mut out, "qop", qop);
            push_token(&mut out, "nc", &nc);
        }
        if let Some(opaque) = &challenge.opaque {
            push_quoted(&mut out, "opaque", opaque);
        }
        self.uri.clear();
        self.uri.push_str(uri);
        Some(out)
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
