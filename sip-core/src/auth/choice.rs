//! Which challenges of a response are answered, and with what.
use super::challenge::{Challenge, Kind};
use super::client::{Attempt, AuthClient, MAX_GIVEN, Sending, Verdict, is_own};
use super::digest::{Algorithm, hash};
use super::error::AuthError;
use super::request::{CredentialRequest, Why};
use super::secret::{Credential, Secret};
use super::space::Space;

const MAX_SPACES: usize = 16;
/// Realms whose strength is remembered one by one; beyond that those that are not are held to SHA-256.
const MAX_FLOORS: usize = 1024;

impl AuthClient {
    pub(super) fn consider(
        &mut self,
        challenges: Vec<Challenge>,
        request: &Sending<'_>,
        attempt: &mut Attempt,
        mut problem: AuthError,
        ask: bool,
    ) -> Result<Verdict, AuthError> {
        if request.method == "REGISTER" {
            for challenge in &challenges {
                self.learn_own(&challenge.realm);
            }
        }
        let mut chosen: Vec<(&Challenge, u32)> = Vec::new();
        let mut wanted: Vec<(&Challenge, Why)> = Vec::new();
        for challenge in &challenges {
            match self.select(challenge, request).and_then(|known| self.judge(challenge, known, attempt)) {
                Ok(credential) => match chosen.iter_mut().find(|(other, _)| other.is_same_space(challenge)) {
                    Some((other, _)) if !other.is_weaker_than(challenge) => {}
                    Some(other) => *other = (challenge, credential),
                    None => chosen.push((challenge, credential)),
                },
                Err(error) => {
                    let declined = attempt.declined.iter().any(|realm| **realm == *challenge.realm);
                    if let Some(why) = error.missing().filter(|_| ask && !declined) {
                        wanted.push((challenge, why));
                    }
                    problem.explain_better(error);
                }
            }
        }
        let mut requests: Vec<CredentialRequest> = Vec::new();
        for (challenge, why) in wanted {
            if chosen.iter().any(|(other, _)| other.is_same_space(challenge)) {
                continue; // another scheme of this realm will do
            }
            match requests.iter_mut().find(|request| *request.realm == *challenge.realm) {
                Some(request) => request.add(challenge, why),
                None => requests.push(CredentialRequest::new(challenge, why)),
            }
        }
        if !requests.is_empty() {
            attempt.waiting = challenges;
            return Ok(Verdict::Ask(requests));
        }
        if chosen.is_empty() {
            return Err(problem);
        }
        let chosen: Vec<(Challenge, u32)> = chosen.into_iter().map(|(chosen, known)| (chosen.clone(), known)).collect();
        for (challenge, credential) in chosen {
            self.take_up(challenge, credential, request, attempt);
        }
        Ok(Verdict::Retry)
    }

    /// The credential for a challenge, if one can answer it.
    fn select(&self, challenge: &Challenge, request: &Sending<'_>) -> Result<u32, AuthError> {
        let own = self.is_own(&challenge.realm);
        let serves = |credential: &Credential| match (&challenge.kind, &credential.secret) {
            (Kind::Bearer(_), Secret::Token(_)) => credential.realm.is_some() || own,
            (Kind::Bearer(_), _) => false,
            (Kind::Digest(digest), secret) => secret.serves(digest.algorithm),
        };
        let realm = || Box::from(&*challenge.realm);
        if challenge.digest().is_none() && !request.protected {
            return Err(AuthError::Unprotected { realm: realm() });
        }
        let is_hash = |credential: &Credential| matches!(credential.secret, Secret::Ha1(_));
        let exact = |credential: &Credential| credential.realm.as_deref() == Some(&*challenge.realm);
        let find = |matches: &dyn Fn(&Credential) -> bool| {
            self.credentials.iter().find(|known| matches(&known.credential) && serves(&known.credential))
        };
        match find(&exact).or_else(|| find(&|credential| credential.realm.is_none())) {
            Some(known) => Ok(known.serial),
            None => Err(match challenge.digest() {
                // There is a stored hash for this realm, but of another algorithm.
                Some(digest)
                    if self.credentials.iter().any(|known| is_hash(&known.credential) && exact(&known.credential)) =>
                {
                    AuthError::Unsupported(digest.algorithm.as_str().into())
                }
                _ => AuthError::NoCredential { realm: realm() },
            }),
        }
    }

    /// Whether answering makes sense: neither a weaker algorithm than before, nor what was refused a moment ago.
    fn judge(&mut self, challenge: &Challenge, credential: u32, attempt: &mut Attempt) -> Result<u32, AuthError> {
        let realm = || Box::from(&*challenge.realm);
        if let Some(digest) = challenge.digest() {
            for required in [self.floor(&challenge.realm), self.minimum].into_iter().flatten() {
                if digest.algorithm.is_weaker_than(required) {
                    return Err(AuthError::Downgrade { realm: realm(), offered: digest.algorithm, required });
                }
            }
        }
        let Some(space) = self.spaces.iter_mut().find(|space| space.challenge.is_same_space(challenge)) else {
            return Ok(credential);
        };
        let id = space.id;
        if let Some(sent) = attempt.sent.iter().find(|sent| sent.space == id && sent.credential == credential) {
            let refused = match (challenge.digest(), &sent.digest) {
                (Some(challenge), Some(sent_digest)) => {
                    let fresh = attempt.answered.contains(&id);
                    !challenge.stale && (fresh || sent_digest.nonce == challenge.nonce)
                }
                (None, None) => true,
                _ => false, // another scheme than the one that was answered
            };
            if refused {
                space.usable &= space.credential != credential;
                attempt.rejected.push((id, credential));
            }
        }
        if !attempt.refused(id, credential) {
            return Ok(credential);
        }
        Err(match &challenge.kind {
            Kind::Digest(_) => AuthError::Rejected { realm: realm() },
            Kind::Bearer(bearer) => AuthError::TokenRejected { realm: realm(), error: bearer.error.clone() },
        })
    }

    fn take_up(&mut self, challenge: Challenge, credential: u32, request: &Sending<'_>, attempt: &mut Attempt) {
        if let Some(digest) = challenge.digest() {
            self.raise_floor(&challenge.realm, digest.algorithm);
        }
        let known = self.spaces.iter().position(|space| space.challenge.is_same_space(&challenge));
        let id = match known.and_then(|index| self.spaces.get_mut(index)) {
            Some(space) => {
                space.renew(challenge, credential);
                space.asked_in(request.call_id, request.uri);
                space.id
            }
            None => {
                if self.spaces.len() >= MAX_SPACES {
                    self.spaces.remove(0);
                }
                let id = self.new_serial();
                let mut space = Space::new(id, challenge, credential);
                space.asked_in(request.call_id, request.uri);
                self.spaces.push(space);
                id
            }
        };
        if !attempt.answered.contains(&id) {
            attempt.answered.push(id);
        }
    }

    fn is_own(&self, realm: &str) -> bool {
        is_own(&self.domain, &self.own, &self.credentials, realm)
    }

    fn learn_own(&mut self, realm: &str) {
        if !self.is_own(realm) && self.own.len() < MAX_GIVEN {
            self.own.push(realm.into());
        }
    }

    fn floor(&self, realm: &str) -> Option<Algorithm> {
        let key = key_of(realm);
        let known = self.floors.iter().find(|(other, _)| *other == key).map(|(_, algorithm)| *algorithm);
        // The table is full: a realm we forgot may have been strong.
        known.or_else(|| (self.floors.len() >= MAX_FLOORS).then_some(Algorithm::Sha256))
    }

    fn raise_floor(&mut self, realm: &str, algorithm: Algorithm) {
        if algorithm.base() == Algorithm::Md5 {
            return;
        }
        let (key, full) = (key_of(realm), self.floors.len() >= MAX_FLOORS);
        match self.floors.iter_mut().find(|(other, _)| *other == key) {
            Some((_, floor)) => *floor = algorithm,
            None if full => {}
            None => self.floors.push((key, algorithm)),
        }
    }
}

impl AuthError {
    /// Why another credential would help, if it would.
    fn missing(&self) -> Option<Why> {
        match self {
            AuthError::NoCredential { .. } | AuthError::Unsupported(_) => Some(Why::First),
            AuthError::Rejected { .. } => Some(Why::Rejected),
            AuthError::TokenRejected { error, .. } => {
                Some(if &**error == "invalid_token" { Why::Expired } else { Why::Rejected })
            }
            _ => None,
        }
    }
}

fn key_of(realm: &str) -> u64 {
    u64::from_str_radix(hash(Algorithm::Sha256, &[realm]).get(..16).unwrap_or_default(), 16).unwrap_or_default()
}
