//! What a registrar says in its 2xx (RFC 3261 10.2.4): for how long, who else is registered, which way requests go
//! (RFC 3608), under which addresses we can be reached (RFC 5627), and whether it wakes us (RFC 8599).

use std::time::Duration;

use super::super::Endpoint;
use super::{ContactBinding, PushInfo, refresh_after};
use crate::message::{Name, Response, UriRef};
use crate::time::part_of;
use crate::transport::Path;

/// What the registrar granted us, beside the time.
#[derive(Debug, Default)]
pub(super) struct Granted {
    /// RFC 5627 4.2.
    pub(super) gruu: Option<Box<str>>,
    pub(super) temporary_gruu: Option<Box<str>>,
    /// Everything that is bound to our address of record.
    pub(super) contacts: Vec<ContactBinding>,
    /// Our other addresses (RFC 7315 4.1).
    pub(super) associated: Vec<Box<str>>,
    pub(super) push: Option<PushInfo>,
}

impl Granted {
    /// What wakes us for requests within a dialog (RFC 8599 6.2.1).
    pub(super) fn purr(&self) -> Option<&str> {
        self.push.as_ref()?.purr.as_deref()
    }

    /// When to refresh: so early that temporary GRUUs do not lapse meanwhile (RFC 5627 4.2). `None`: when a push comes
    /// (RFC 8599 4.1.4).
    pub(super) fn refresh_after(&self, expires: u32, permille: u64) -> Option<Duration> {
        let margin = match &self.push {
            Some(push) if push.accepted => push.margin?,
            _ => 0,
        };
        let whole = Duration::from_secs(expires.into());
        let part = refresh_after(expires, permille);
        let latest = match expires {
            65.. => whole.saturating_sub(Duration::from_secs(u64::from(margin).max(32))),
            _ if self.temporary_gruu.is_some() => part_of(whole, 2),
            _ => part,
        };
        Some(part.min(latest).max(Duration::from_secs(1)))
    }
}

impl Endpoint {
    /// Reads a 2xx; gives the seconds granted: those of our own contact among those listed, else of the whole answer, else
    /// what was asked for.
    pub(super) fn read_answer(&mut self, index: usize, response: &Response, path: Path) -> u32 {
        let uri = self.flow_uri(path, false);
        let secure = self.flow_uri(path, true);
        let ours = [UriRef::parse(&uri).ok(), UriRef::parse(&secure).ok()];
        let reg_id = self.is_outbound(index, path).then(|| u32::try_from(index.saturating_add(1)).unwrap_or(1));
        let instance = &self.registration.instance;
        let (mut granted, mut listed) = (Granted::default(), None);
        let whole = response.expires().ok().flatten();
        for (contact, address) in ContactBinding::all(response) {
            let same_instance = contact.instance.as_deref() == Some(&**instance);
            if same_instance && granted.gruu.is_none() {
                granted.gruu = usable(&contact.gruu);
            }
            let parsed = address.uri().ok();
            let is_ours = parsed.is_some_and(|parsed| ours.iter().flatten().any(|ours| ours.equivalent(&parsed)))
                || (same_instance && reg_id.is_some() && contact.reg_id == reg_id);
            if is_ours && same_instance {
                granted.temporary_gruu = usable(&contact.temporary_gruu);
            }
            if is_ours && listed.is_none() {
                listed = contact.expires;
            }
            granted.contacts.push(ContactBinding { ours: is_ours || same_instance, ..contact });
        }
        granted.associated = response
            .addresses(Name::PAssociatedUri)
            .filter_map(Result::ok)
            .map(|address| address.uri_text().into())
            .collect();
        granted.push = self.config.push.as_ref().map(|push| PushInfo::read(response, &push.provider));
        // Older temporary GRUUs stay good, but one is enough (RFC 5627 4.2).
        self.registration.granted = granted;
        let route = service_route(response);
        if let Some(binding) = self.registration.bindings.get_mut(index) {
            binding.outbound =
                reg_id.is_some() && response.tokens(Name::Require).any(|token| token.eq_ignore_ascii_case("outbound"));
            binding.service_route = route;
        }
        listed.or(whole).unwrap_or(self.registration.expires)
    }

    /// The preloaded Route of a request outside of any dialog that takes this path (RFC 3608 6.1).
    pub(in super::super) fn service_route(&self, path: Path) -> &[Box<str>] {
        let link = self.connection.link_at(path).unwrap_or_default();
        self.registration.bindings.get(link).map(|binding| &*binding.service_route).unwrap_or_default()
    }
}

/// A GRUU that can stand in a Contact.
fn usable(gruu: &Option<Box<str>>) -> Option<Box<str>> {
    gruu.clone()
        .filter(|gruu| matches!(UriRef::parse(gruu), Ok(UriRef::Sip(_))) && !gruu.contains(['<', '>', '"', '?']))
}

/// The routes in order; none at all if one of them is no loose route, for it would not come through whole.
fn service_route(response: &Response) -> Vec<Box<str>> {
    let mut routes: Vec<Box<str>> = Vec::new();
    for route in response.addresses(Name::ServiceRoute) {
        let loose = match &route {
            Ok(route) => matches!(route.uri(), Ok(UriRef::Sip(uri)) if uri.params.contains("lr")),
            Err(_) => false,
        };
        match route {
            Ok(route) if loose => routes.push(route.as_str().into()),
            _ => return Vec::new(),
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_comes_before_the_end() {
        for permille in [0, 500, 999] {
            let after = Granted::default().refresh_after(300, permille).expect("a time");
            assert!(after >= Duration::from_secs(240) && after <= Duration::from_secs(268), "{after:?}");
        }
        let granted = Granted { temporary_gruu: Some("sip:x@y;gr".into()), ..Granted::default() };
        assert_eq!(granted.refresh_after(60, 0), Some(Duration::from_secs(30)));
        assert_eq!(Granted::default().refresh_after(60, 0), Some(Duration::from_secs(48)));
        assert_eq!(Granted::default().refresh_after(0, 999), Some(Duration::from_secs(1)));
    }

    #[test]
    fn who_is_woken_need_not_wake_up_by_itself() {
        let push = |margin| Some(PushInfo { accepted: true, margin, ..PushInfo::default() });
        let granted = |margin| Granted { push: push(margin), ..Granted::default() };
        assert_eq!(granted(None).refresh_after(3600, 0), None);
        assert_eq!(granted(Some(1000)).refresh_after(3600, 0), Some(Duration::from_secs(2600)));
        assert_eq!(granted(Some(9000)).refresh_after(3600, 0), Some(Duration::from_secs(1)));
    }
}
