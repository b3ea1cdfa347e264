//! `sips:` addresses: reached over TLS alone, never as `sip:` instead, and told an address of the same kind
//! (RFC 3261 8.1.1.8 and 12.1.1, RFC 5630 5.1).

use super::outgoing::Outgoing;
use super::{Endpoint, Error};
use crate::message::{ContactValue, Name, Request, StatusCode};
use crate::time::Instant;
use crate::transaction::ServerId;
use crate::transport::{FlowError, FlowErrorKind, Path};

/// Whether a URI is of the scheme `sips`.
fn is_sips(uri: &str) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"))
}

/// The same for an address with its angle brackets.
fn is_sips_address(address: &str) -> bool {
    is_sips(address.split_once('<').map_or(address, |(_, uri)| uri).trim_start())
}

impl Outgoing {
    /// Whether it must go over TLS and name a `sips:` contact.
    pub(super) fn is_sips(&self) -> bool {
        is_sips(&self.uri) || self.routes.first().is_some_and(|route| is_sips_address(route))
    }
}

/// Whether the contact of a response must be `sips:` (12.1.1).
pub(super) fn wants_sips(request: &Request) -> bool {
    let first = |name| request.raw(name).next().and_then(|line| std::str::from_utf8(line).ok());
    is_sips(request.uri_text())
        || match first(Name::RecordRoute) {
            Some(route) => is_sips_address(route),
            None => request.contacts().flatten().any(|contact| match contact {
                ContactValue::Address(address) => is_sips_address(address.as_str()),
                ContactValue::Star => false,
            }),
        }
}

impl Endpoint {
    fn is_secure(&self, path: Path) -> bool {
        self.transactions.flows().transport(path.flow).is_some_and(|transport| transport.is_secure())
    }

    /// Refuses a way that is not secure for a request that must be.
    pub(super) fn check_security(&self, outgoing: &Outgoing, path: Path) -> Result<(), Error> {
        if !outgoing.is_sips() || self.is_secure(path) {
            return Ok(());
        }
        let message = "a sips: address is reached over TLS alone";
        Err(Error::Transport(FlowError::new(FlowErrorKind::Unsupported, message)))
    }

    /// Whether a request for a `sips:` address came over a hop that is not secure; it has been refused then: such an
    /// address of ours does not exist (5.1.2).
    pub(super) fn refuse_insecure(&mut self, now: Instant, server: ServerId, request: &Request, source: Path) -> bool {
        if !is_sips(request.uri_text()) || self.is_secure(source) {
            return false;
        }
        let registrar = self.config.registrar();
        let mut warning = String::from("380 ");
        warning.push_str(registrar.split_once(':').map_or("", |(_, host)| host));
        warning.push_str(" \"SIPS Not Allowed\"");
        let headers = [("Warning", warning.as_str())];
        self.refuse(now, server, request, source, StatusCode::TEMPORARILY_UNAVAILABLE, &headers);
        true
    }
}
