//! Who may do what: digest for registrations and for requests of our own users (RFC 3261 22).

use offhook_core::auth::{Refusal as Denial, Secret as Password};
use offhook_core::message::{Name, Request};
use offhook_core::time::Instant;

use super::{Refusal, Switchboard};

impl Switchboard {
    /// The user who signed a request, to us as registrar (401) or as proxy (407).
    pub(super) fn authenticate(&mut self, now: Instant, request: &Request, proxy: bool) -> Result<String, Refusal> {
        let users = &self.config.users;
        let mut lookup = |user: &str| users.get(user).map(|password| Password::Password(password.as_str().into()));
        let stale = match self.verifier.check(now, request, proxy, &mut lookup) {
            Ok(verified) => return Ok(verified.username),
            Err(Denial::Malformed(parameter)) => {
                return Err(Refusal::because(400, &format!("Improper {parameter} in credentials")));
            }
            Err(denial) => denial == Denial::Stale,
        };
        let (code, name) = if proxy { (407, Name::ProxyAuthenticate) } else { (401, Name::WwwAuthenticate) };
        let challenges = self.verifier.challenges(now, stale);
        Err(challenges.into_iter().fold(Refusal::new(code), |refusal, challenge| refusal.with(name, challenge)))
    }

    /// Whether a request that begins something new may pass: who says to be one of our users must prove it; others
    /// reach our users and nobody else.
    pub(super) fn admit(&mut self, now: Instant, request: &Request, to_own: bool) -> Result<(), Refusal> {
        let from = request.from()?;
        let claimed = from.uri()?;
        match claimed.as_sip().filter(|uri| self.links.is_own(uri)) {
            Some(uri) => {
                let user = self.authenticate(now, request, true)?;
                if uri.user_decoded().as_deref() != Some(user.as_str()) {
                    return Err(Refusal::because(403, "That Is Somebody Else's Address"));
                }
                Ok(())
            }
            None if to_own => Ok(()),
            None => Err(Refusal::because(403, "Relaying Denied")),
        }
    }
}
