//! The configuration file: profiles with the same names as the options.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use crate::failure::{Code, Failure};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    default: Option<String>,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// What one profile says; the names are those of the options.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Profile {
    pub(super) aor: Option<String>,
    pub(super) server: Option<String>,
    pub(super) backup: Vec<String>,
    pub(super) display_name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) weakest_digest: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) expires: Option<u32>,
    pub(super) bind: Vec<String>,
    pub(super) tls_roots: Option<PathBuf>,
    pub(super) tls_certificate: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
}

impl Profile {
    /// The profile asked for, or the default one; `None`: there is no file, and none was asked for.
    pub(super) fn find(path: Option<&Path>, name: Option<&str>) -> Result<Option<Profile>, Failure> {
        let (path, asked) = match path {
            Some(path) => (path.to_owned(), true),
            None => match etcetera::choose_base_strategy() {
                Ok(folders) => (folders.config_dir().join("offhook/config.toml"), name.is_some()),
                Err(_) => return Ok(None),
            },
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked => return Ok(None),
            Err(error) => {
                let words = format!("{}: {error}", path.display());
                return Err(Failure::usage(words).hint("--config names another file"));
            }
        };
        let file: File = toml::from_str(&text).map_err(|error| {
            let place = error.span().map_or(String::new(), |span| {
                format!(", line {}", text.get(..span.start).unwrap_or_default().matches('\n').count() + 1)
            });
            Failure::new(Code::Usage, format!("{}{place}: {}", path.display(), error.message()))
        })?;
        let Some(wanted) = name.or(file.default.as_deref()) else { return Ok(None) };
        let profile = file.profile.get(wanted).cloned().ok_or_else(|| {
            let known: Vec<_> = file.profile.keys().map(String::as_str).collect();
            Failure::usage(format!("{}: there is no profile {wanted:?}", path.display()))
                .hint(format!("there are: {}", known.join(", ")))
        })?;
        if profile.password.is_some() && others_can_read(&path) {
            return Err(Failure::usage(format!("{}: a password is in it, and others can read it", path.display()))
                .hint(format!("chmod 600 {}", path.display())));
        }
        Ok(Some(profile))
    }
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}
