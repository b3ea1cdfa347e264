//! Addresses as the application says them: our own, and those of whom it wants to reach.

use super::{Endpoint, Error};
use crate::message::{NameAddr, Uri, UriRef};

impl Endpoint {
    /// Our From value with a tag.
    pub(super) fn local_address(&self, tag: &str) -> Box<str> {
        let address = NameAddr::new(self.config.display_name.as_deref(), &self.config.aor);
        let mut text = String::with_capacity(address.as_str().len().saturating_add(5).saturating_add(tag.len()));
        text.push_str(address.as_str());
        text.push_str(";tag=");
        text.push_str(tag);
        text.into()
    }

    /// `bob` means bob at our own domain.
    pub(super) fn complete_target(&self, target: &str) -> Result<Uri, Error> {
        let target = target.trim();
        if target.is_empty() {
            return Err(Error::input("target", 0, "no target was given"));
        }
        let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("sip")
                || scheme.eq_ignore_ascii_case("sips")
                || scheme.eq_ignore_ascii_case("tel")
        });
        let mut text = String::new();
        if !has_scheme {
            text.push_str(if self.config.is_sips() { "sips:" } else { "sip:" });
        }
        let shift = text.len();
        text.push_str(target);
        if !has_scheme && !target.contains('@') {
            text.push('@');
            let registrar = self.config.registrar();
            text.push_str(registrar.split_once(':').map_or("", |(_, host)| host));
        }
        let uri = Uri::parse(&text)
            .map_err(|error| Error::input("target", error.offset().saturating_sub(shift), &error.to_string()))?;
        match uri.view() {
            UriRef::Sip(_) | UriRef::Tel { .. } => Ok(uri),
            _ => Err(Error::input("target", 0, "only sip:, sips: and tel: addresses can be called")),
        }
    }
}
