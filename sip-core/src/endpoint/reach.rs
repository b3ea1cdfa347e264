//! How others reach this user agent: under which address, and what wakes it.

use super::Error;
use super::config::Config;

/// Which of the addresses that lead to this user agent alone others are told in calls (RFC 5627 4.4).
///
/// A registrar is asked for them only where one is to be told: many give them out, and then do not find the way back to
/// them within a dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GruuUse {
    /// None: the address of the connection.
    #[default]
    Never,
    /// The public one, if the registrar gives one.
    Public,
    /// The one that does not say whose it is.
    Temporary,
}

impl GruuUse {
    /// Reads `never`, `public` or `temporary`.
    pub fn parse(text: &str) -> Option<GruuUse> {
        match text {
            "never" => Some(GruuUse::Never),
            "public" => Some(GruuUse::Public),
            "temporary" => Some(GruuUse::Temporary),
            _ => None,
        }
    }
}

/// How a server can wake this user agent by a push service (RFC 8599 14).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// The service: `apns`, `fcm`, `webpush` ….
    pub provider: Box<str>,
    /// What the service knows this user agent by. It goes to the registrar and to nobody else.
    pub prid: Box<str>,
    /// What else the service needs, e.g. the application's name.
    pub param: Option<Box<str>>,
}

impl Push {
    /// A service and what it knows us by.
    pub fn new(provider: &str, prid: &str, param: Option<&str>) -> Push {
        Push { provider: provider.into(), prid: prid.into(), param: param.map(Into::into) }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let texts = [("push.provider", &*self.provider), ("push.prid", &*self.prid)];
        for (field, text) in texts {
            if text.is_empty() {
                return Err(Error::input(field, 0, "empty"));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Who has the rest can wake the device.
        f.debug_struct("Push").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// Writes a text as the value of a URI parameter (RFC 3261 25.1, pvalue), with everything else escaped.
pub(super) fn push_pvalue(uri: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"[]/:&+$-_.!~*'()".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            for nibble in [byte >> 4, byte & 15] {
                uri.extend(char::from_digit(nibble.into(), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
}

/// A UUID, alone or as `urn:uuid:…`, as the URN (RFC 5626 4.1).
///
/// # Errors
///
/// [`Error::Input`] if it is none.
pub(crate) fn instance_urn(text: &str) -> Result<Box<str>, Error> {
    let uuid = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let right = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if uuid.len() != 36 || !uuid.bytes().enumerate().all(right) {
        return Err(Error::input("instance", 0, "a UUID, e.g. urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    }
    let mut urn = String::from("urn:uuid:");
    urn.push_str(&uuid.to_ascii_lowercase());
    Ok(urn.into())
}

impl Config {
    pub(super) fn check_reach(&self) -> Result<(), Error> {
        if let Some(instance) = &self.instance {
            instance_urn(instance)?;
        }
        self.push.as_ref().map_or(Ok(()), Push::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_uuids() {
        let urn = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        assert_eq!(instance_urn(urn).as_deref(), Ok(urn));
        assert_eq!(instance_urn("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6").as_deref(), Ok(urn));
        for bad in ["", "x", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6\""] {
            assert!(instance_urn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_push_service_gives_is_escaped() {
        let mut uri = String::new();
        push_pvalue(&mut uri, "ab+/=;>é");
        assert_eq!(uri, "ab+/%3D%3B%3E%C3%A9");
    }
}
