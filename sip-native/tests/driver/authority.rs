//! A certificate authority for tests: whoever it certifies is who a test says.

use offhook::rustls::RootCertStore;
use offhook::{ClientTls, Identity, ServerTls, roots_from_pem};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        roots_from_pem(self.0.pem().as_bytes()).unwrap()
    }

    /// A client that trusts this authority alone.
    pub(crate) fn trusted(&self) -> ClientTls {
        ClientTls::new().roots(self.roots())
    }

    /// Somebody with these names: DNS names and addresses, or URIs.
    pub(crate) fn identity(&self, names: &[&str]) -> Identity {
        self.certify(names, |_| ())
    }

    pub(crate) fn expired(&self, name: &str) -> Identity {
        self.certify(&[name], |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    pub(crate) fn server(&self, names: &[&str]) -> ServerTls {
        ServerTls::new(self.identity(names)).unwrap()
    }

    fn certify(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().copied().partition(|name| name.contains("sip:"));
        let mut params = CertificateParams::new(hosts.into_iter().map(str::to_owned).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.into_iter().map(|uri| SanType::URI(uri.try_into().unwrap())));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}
