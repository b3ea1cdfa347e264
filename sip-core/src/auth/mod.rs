//! Digest (RFC 3261 22, RFC 7616, RFC 8760) and token authentication (RFC 8898): what a client answers to a challenge, and
//! what a server asks and checks.
//!
//! [`AuthClient`] holds the credentials of one account and what the servers of each realm asked for; [`Verifier`] is
//! the other side. Neither reads a clock or makes randomness: both are parameters. Basic authentication is neither
//! offered nor answered (RFC 8760 2.6), and this module builds header values, not messages.

mod challenge;
mod choice;
mod client;
mod digest;
mod error;
mod params;
mod request;
mod secret;
mod server;
mod space;

pub use challenge::Scheme;
pub use client::{Attempt, AuthClient, Sending, Verdict};
pub use digest::{Algorithm, Qop, ha1};
pub use error::AuthError;
pub use request::{CredentialRequest, Why};
pub use secret::{Credential, Secret, SecretText};
pub use server::{Refusal, Verified, Verifier};

#[cfg(test)]
mod testing {
    use crate::message::{Limits, Message, Response};

    /// A 401 with these (from a proxy?, challenge) fields, read as from the network.
    pub(super) fn unauthorized(challenges: &[(bool, &str)]) -> Response {
        let mut text = String::from("SIP/2.0 401 Unauthorized\r\n");
        for (proxy, value) in challenges {
            text.push_str(if *proxy { "Proxy-Authenticate: " } else { "WWW-Authenticate: " });
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        match Message::parse(text.into(), &Limits::default()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }
}
