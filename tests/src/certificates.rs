//! Certificates for tests: an authority, and somebody it certifies, in files.

use std::path::PathBuf;
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// PEM files of an authority and of a server at 127.0.0.1 that it certifies.
#[derive(Debug)]
pub struct Certificates {
    /// Whom clients have to trust.
    pub roots: PathBuf,
    /// What the server shows.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Certificates {
    /// Those of this process, made by whoever asks first.
    ///
    /// # Errors
    ///
    /// If they cannot be made or written.
    pub fn of_this_process() -> Result<&'static Certificates, String> {
        static MADE: OnceLock<Result<Certificates, String>> = OnceLock::new();
        MADE.get_or_init(Certificates::make).as_ref().map_err(Clone::clone)
    }

    fn make() -> Result<Certificates, String> {
        let words = |error: rcgen::Error| error.to_string();
        let mut params = CertificateParams::new([]).map_err(words)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(words)?).map_err(words)?;
        let key = KeyPair::generate().map_err(words)?;
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).map_err(words)?;
        let server = server.signed_by(&key, &authority).map_err(words)?;
        let folder = std::env::temp_dir().join(format!("offhook-certificates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let write = |file: &str, text: String| {
            let path = folder.join(file);
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok::<_, String>(path)
        };
        Ok(Certificates {
            roots: write("roots.pem", authority.pem())?,
            certificate: write("certificate.pem", server.pem())?,
            key: write("key.pem", key.serialize_pem())?,
        })
    }
}
