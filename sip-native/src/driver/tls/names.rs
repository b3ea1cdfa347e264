//! Whose certificate it is: the names of RFC 5922 7.1, compared by 7.2.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::EndEntityCert;

/// Trusts whom another verifier trusts, for the names that count in SIP.
#[derive(Debug)]
pub(super) struct SipNames {
    pub(super) trust: Arc<dyn ServerCertVerifier>,
    /// `*.example.com` is good for `sip.example.com`, against 7.2.
    pub(super) wildcards: bool,
    /// `trust` looks at the name last, so that an error about the name says that all else is well.
    pub(super) name_last: bool,
}

impl ServerCertVerifier for SipNames {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let (matched, only_by_uri) = match &verified {
            Ok(_) => (true, false),
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => (false, self.name_last),
            Err(_) => return verified,
        };
        let certificate = EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let wanted = server_name.to_str();
        let mut domains = certificate.valid_uri_names().filter_map(sip_domain).peekable();
        if domains.peek().is_some() {
            return match domains.any(|domain| domain.eq_ignore_ascii_case(&wanted)) {
                true if matched || only_by_uri => Ok(ServerCertVerified::assertion()),
                _ => Err(wrong_name(end_entity, server_name)),
            };
        }
        let exact = || certificate.valid_dns_names().any(|name| name.eq_ignore_ascii_case(&wanted));
        if matched && matches!(server_name, ServerName::DnsName(_)) && !self.wildcards && !exact() {
            return Err(wrong_name(end_entity, server_name));
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.trust.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}

/// The domain of a `sip:` URI without a user; other URIs are no SIP domain identities (7.1).
fn sip_domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let end = rest.find([';', '?', '/']).unwrap_or(rest.len());
    let host = rest.get(..end)?;
    let host = match host.strip_prefix('[') {
        Some(host) => host.split(']').next()?,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

fn wrong_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Error {
    let mut presented = Vec::new();
    if let Ok(certificate) = EndEntityCert::try_from(certificate) {
        presented.extend(certificate.valid_uri_names().map(str::to_owned));
        presented.extend(certificate.valid_dns_names().map(str::to_owned));
    }
    Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected: name.to_owned(), presented })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sip_uris_without_a_user_name_a_domain() {
        for (uri, domain) in [
            ("sip:example.com", Some("example.com")),
            ("SIP:example.com;transport=tls", Some("example.com")),
            ("sip:example.com:5061", Some("example.com")),
            ("sip:[2001:db8::1]:5061", Some("2001:db8::1")),
            ("sip:alice@example.com", None),
            ("sips:example.com", None),
            ("https://example.com", None),
            ("sip:", None),
            ("example.com", None),
        ] {
            assert_eq!(sip_domain(uri), domain, "{uri}");
        }
    }
}
