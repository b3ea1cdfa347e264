//! The client's side: which challenges to answer, with which credential, and what to remember.
use super::challenge::{Challenge, Kind};
use super::digest::Algorithm;
use super::error::AuthError;
use super::request::CredentialRequest;
use super::secret::{Credential, Secret, SecretText};
use super::space::{Sent, Space};
use crate::message::{AuthParams, Fields, Name};

const MAX_ROUNDS: u8 = 8;
const MAX_CHALLENGES: usize = 16;
/// Credentials given for a realm after the start, and realms that asked for credentials when we registered.
pub(super) const MAX_GIVEN: usize = 64;

/// Credentials of one account and what the servers of each realm asked for last (RFC 3261 22, RFC 8760 2.4, RFC 8898).
///
/// For every request the caller keeps one [`Attempt`]: [`authorize`](Self::authorize) gives the header fields to put
/// into the request, [`challenged`](Self::challenged) reads a 401 or 407 and says what to do,
/// [`accepted`](Self::accepted) reads a final response that was no challenge.
///
/// - Of several challenges for one realm a token's is taken before a digest's, and of these the strongest that the
///   credential can answer, the topmost among equals; unknown schemes and algorithms are ignored. All realms of a 401
///   and a 407 are answered together.
/// - Once a realm asked with a strong algorithm, a weaker one is refused.
/// - Credentials are sent ahead, so that most requests need one round trip: in the dialog in which they were asked
///   for, by a server also to the same Request-URI, by proxies of our own also in every later dialog (22.3). Our own
///   are those of the realm of our domain, of a realm that a credential names, and of one that asked when we
///   registered.
/// - A token goes over protected connections only.
/// - An ACK for a 2xx repeats the header fields of its INVITE (RFC 3261 22.1): ask nothing here, copy them. A CANCEL
///   cannot be challenged.
#[derive(Clone, Debug)]
pub struct AuthClient {
    pub(super) credentials: Vec<Known>,
    /// Our own domain, in lower case.
    pub(super) domain: Box<str>,
    /// Realms that asked when we registered.
    pub(super) own: Vec<Box<str>>,
    pub(super) spaces: Vec<Space>,
    /// How strong realms were, by a hash of the realm; those with the weakest algorithm are left out.
    pub(super) floors: Vec<(u64, Algorithm)>,
    serial: u32,
    pub(super) minimum: Option<Algorithm>,
    asks: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) serial: u32,
    pub(super) credential: Credential,
    /// It came when it was asked for.
    given: bool,
}

/// A request as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its Request-URI.
    pub uri: &'a str,
    /// Its Call-ID.
    pub call_id: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// Whether nobody else can read what it goes over, so that it may carry a token.
    pub protected: bool,
}

/// What one request, over all its retries, has tried. Make a new one for each new request.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    rounds: u8,
    /// Spaces whose challenge came in answer to this very request.
    pub(super) answered: Vec<u32>,
    /// What went out in the last try.
    pub(super) sent: Vec<Sent>,
    /// Spaces, and the credentials they refused.
    pub(super) rejected: Vec<(u32, u32)>,
    /// The challenges that wait for credentials.
    pub(super) waiting: Vec<Challenge>,
    /// Realms nobody has credentials for, as we know by now.
    pub(super) declined: Vec<Box<str>>,
}

/// What to do about a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// At least one realm can be answered that was not before: call [`AuthClient::authorize`] and send the request again,
    /// with the next CSeq.
    Retry,
    /// These realms want credentials that only the application can give. When all of them are here
    /// ([`AuthClient::provide`], [`Attempt::decline`]), call [`AuthClient::resume`].
    Ask(Vec<CredentialRequest>),
}

impl Attempt {
    /// There are no credentials for this realm.
    pub fn decline(&mut self, realm: &str) {
        self.declined.push(realm.into());
    }
}

impl AuthClient {
    /// A client with the credentials to answer with; those restricted to a realm go before the others. `domain` is that
    /// of our own address.
    pub fn new(credentials: Vec<Credential>, domain: &str) -> AuthClient {
        let mut client = AuthClient {
            credentials: Vec::new(),
            domain: domain.to_ascii_lowercase().into(),
            own: Vec::new(),
            spaces: Vec::new(),
            floors: Vec::new(),
            serial: 0,
            minimum: None,
            asks: false,
        };
        client.set_credentials(credentials);
        client
    }

    /// Refuses every digest challenge with an algorithm weaker than this.
    #[must_use]
    pub fn with_minimum(mut self, minimum: Option<Algorithm>) -> AuthClient {
        self.minimum = minimum;
        self
    }

    /// Whether the application can be asked for what is missing.
    pub fn set_asks(&mut self, asks: bool) {
        self.asks = asks;
    }

    /// Replaces the credentials and forgets all challenges, but not how strong they were.
    pub fn set_credentials(&mut self, credentials: Vec<Credential>) {
        self.spaces.clear();
        self.credentials.clear();
        for credential in credentials {
            let serial = self.new_serial();
            self.credentials.push(Known { serial, credential, given: false });
        }
    }

    /// Takes a credential for a realm, in the place of what was given for it before.
    pub fn provide(&mut self, realm: &str, credential: Credential) {
        let credential = credential.for_realm(realm);
        // The same again is as right or wrong as it was.
        if self.credentials.iter().any(|known| known.credential == credential) {
            return;
        }
        let scheme = |credential: &Credential| matches!(credential.secret, Secret::Token(_));
        self.credentials.retain(|known| {
            !known.given
                || known.credential.realm != credential.realm
                || scheme(&known.credential) != scheme(&credential)
        });
        if self.credentials.iter().filter(|known| known.given).count() >= MAX_GIVEN
            && let Some(last) = self.credentials.iter().rposition(|known| known.given)
        {
            self.credentials.remove(last);
        }
        let serial = self.new_serial();
        self.credentials.insert(0, Known { serial, credential, given: true });
    }

    /// True if there is no credential at all, so that no challenge can be answered.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// Reads the challenges of a 401 or 407 response to the request of `attempt`.
    ///
    /// # Errors
    ///
    /// The error that explains best why sending again makes no sense.
    pub fn challenged(
        &mut self,
        response: &Fields,
        request: &Sending<'_>,
        attempt: &mut Attempt,
    ) -> Result<Verdict, AuthError> {
        let mut challenges = Vec::new();
        let mut problem = AuthError::NoChallenge;
        for (proxy, name) in [(false, Name::WwwAuthenticate), (true, Name::ProxyAuthenticate)] {
            for challenge in response.challenges(name).take(MAX_CHALLENGES) {
                let read = challenge.map_err(AuthError::from);
                match read.and_then(|read| Challenge::read(proxy, read.scheme, read.params())) {
                    Ok(challenge) => challenges.push(challenge),
                    Err(error) => problem.explain_better(error),
                }
            }
        }
        if attempt.rounds >= MAX_ROUNDS {
            return Err(AuthError::TooManyRounds);
        }
        attempt.rounds = attempt.rounds.saturating_add(1);
        self.consider(challenges, request, attempt, problem, self.asks)
    }

    /// Goes on with a request whose credentials were asked for.
    ///
    /// # Errors
    ///
    /// As [`challenged`](Self::challenged).
    pub fn resume(&mut self, request: &Sending<'_>, attempt: &mut Attempt) -> Result<(), AuthError> {
        let challenges = std::mem::take(&mut attempt.waiting);
        self.consider(challenges, request, attempt, AuthError::NoChallenge, false).map(drop)
    }

    /// The header fields that answer every challenge that applies: for the realms that challenged this attempt, and,
    /// ahead, for those known from earlier requests; empty if nothing is known. `entropy` gives random numbers for the
    /// cnonce.
    pub fn authorize(
        &mut self,
        attempt: &mut Attempt,
        request: &Sending<'_>,
        entropy: &mut dyn FnMut() -> u64,
    ) -> Vec<(Name, SecretText)> {
        attempt.sent.clear();
        let mut fields = Vec::new();
        for space in &mut self.spaces {
            let asked = attempt.answered.contains(&space.id);
            let own =
                space.challenge.proxy && is_own(&self.domain, &self.own, &self.credentials, &space.challenge.realm);
            let ahead = own || (!space.challenge.proxy && space.uri == request.uri) || space.is_of(request.call_id);
            if !space.usable || attempt.refused(space.id, space.credential) || !(asked || ahead) {
                continue;
            }
            if space.challenge.digest().is_none() && !request.protected {
                continue;
            }
            let Some(known) = self.credentials.iter().find(|known| known.serial == space.credential) else {
                continue;
            };
            if let Some((value, sent)) = space.answer(&known.credential, request, entropy) {
                fields.push((if sent.proxy { Name::ProxyAuthorization } else { Name::Authorization }, value.into()));
                attempt.sent.push(sent);
            }
        }
        fields
    }

    /// Reads what a final response other than a challenge says: the next nonce (RFC 7616 3.5), which is not taken up for
    /// the -sess algorithms, whose key is bound to the nonce of the challenge; and the server's proof.
    ///
    /// # Errors
    ///
    /// [`AuthError::Impostor`] if that proof is wrong. None at all is no error.
    pub fn accepted(&mut self, response: &Fields, body: &[u8], attempt: &Attempt) -> Result<(), AuthError> {
        for (proxy, name) in [(false, Name::AuthenticationInfo), (true, Name::ProxyAuthenticationInfo)] {
            if let Some(info) = response.auth_info(name) {
                self.prove(proxy, info, body, attempt)?;
                self.next_nonce(proxy, info, attempt);
            }
        }
        Ok(())
    }

    /// The header names no realm: with more than one it may be anybody's.
    fn prove(&self, proxy: bool, info: AuthParams<'_>, body: &[u8], attempt: &Attempt) -> Result<(), AuthError> {
        let Some(given) = info.get("rspauth").filter(|given| !given.is_empty()) else { return Ok(()) };
        let mut sent = attempt.sent.iter().filter(|sent| sent.proxy == proxy && sent.digest.is_some()).peekable();
        let right = |sent: &Sent| {
            let known = self.credentials.iter().find(|known| known.serial == sent.credential)?;
            sent.digest.as_ref()?.rspauth(&known.credential, body)
        };
        let proven = sent.peek().is_none()
            || sent.any(|sent| right(sent).is_none_or(|right| right.eq_ignore_ascii_case(&given)));
        if proven { Ok(()) } else { Err(AuthError::Impostor) }
    }

    fn next_nonce(&mut self, proxy: bool, info: AuthParams<'_>, attempt: &Attempt) {
        let Some(nonce) = info.get("nextnonce").filter(|nonce| !nonce.is_empty()) else {
            return;
        };
        let mut used = self
            .spaces
            .iter_mut()
            .filter(|space| space.challenge.proxy == proxy && attempt.sent.iter().any(|sent| sent.space == space.id));
        if let (Some(space), None) = (used.next(), used.next())
            && let Kind::Digest(challenge) = &mut space.challenge.kind
            && !challenge.algorithm.is_session()
        {
            challenge.nonce = nonce.into_owned();
            space.count = 0;
        }
    }

    pub(super) fn new_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }
}

impl Attempt {
    pub(super) fn refused(&self, space: u32, credential: u32) -> bool {
        self.rejected.contains(&(space, credential))
    }
}

pub(super) fn is_own(domain: &str, own: &[Box<str>], credentials: &[Known], realm: &str) -> bool {
    realm.eq_ignore_ascii_case(domain)
        || own.iter().any(|known| **known == *realm)
        || credentials.iter().any(|known| !known.given && known.credential.realm.as_deref() == Some(realm))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
