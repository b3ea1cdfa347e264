//! The registration as it is now, for people and programs to look at.

use super::super::Endpoint;
use super::ContactBinding;
use crate::message::{Name, Response};

/// What is known of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistrationInfo {
    /// Our instance (RFC 5626 4.1): `urn:uuid:…`.
    pub instance: Box<str>,
    /// One for each way to a server.
    pub flows: Vec<FlowState>,
    /// The address that leads to this user agent alone (RFC 5627).
    pub gruu: Option<Box<str>>,
    /// The same without saying who it is, until the registration ends.
    pub temporary_gruu: Option<Box<str>>,
    /// The way requests take beyond the server (RFC 3608).
    pub service_route: Vec<Box<str>>,
    /// Everything that was bound to the address of record when the registrar answered last.
    pub bindings: Vec<ContactBinding>,
    /// Our other addresses (P-Associated-URI, RFC 7315 4.1).
    pub associated: Vec<Box<str>>,
    /// What the server does about pushes (RFC 8599); `None` if none were asked for.
    pub push: Option<PushInfo>,
}

/// One way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowState {
    /// The number it has in registrations (RFC 5626 4.2).
    pub reg_id: u32,
    /// Whether it is up.
    pub connected: bool,
    /// Whether the registrar has a binding over it.
    pub registered: bool,
    /// Whether the registrar treats it by RFC 5626.
    pub outbound: bool,
}

/// What a server does about pushes (RFC 8599 8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushInfo {
    /// It asks our push service to wake us.
    pub accepted: bool,
    /// The push services it knows.
    pub providers: Vec<Box<str>>,
    /// Seconds before the end at which we refresh by ourselves; `None`: pushes do that.
    pub margin: Option<u32>,
    /// Its key for Web Push (RFC 8292).
    pub vapid: Option<Box<str>>,
    pub(super) purr: Option<Box<str>>,
}

impl PushInfo {
    pub(super) fn read(response: &Response, provider: &str) -> PushInfo {
        let mut info = PushInfo::default();
        for caps in response.items(Name::FeatureCaps) {
            let text = |name| caps.params.decoded(name).map(|value| value.into_owned().into_boxed_str());
            let provides = text("+sip.pns");
            let is_ours = provides.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(provider));
            info.accepted |= is_ours;
            if let Some(margin) = text("+sip.pnsreg") {
                info.margin = margin.parse().ok();
            }
            if is_ours && info.vapid.is_none() {
                info.vapid = text("+sip.vapid");
            }
            if let Some(purr) = text("+sip.pnspurr").filter(|purr| is_pvalue(purr)) {
                info.purr = Some(purr);
            }
            info.providers.extend(provides);
        }
        info
    }
}

/// Whether a text can be the value of a URI parameter as it is (RFC 3261 25.1, pvalue).
pub(in super::super) fn is_pvalue(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"[]/:&+$-_.!~*'()%".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

impl Endpoint {
    /// The registration as it is now.
    pub fn inspect_registration(&self) -> RegistrationInfo {
        let (registration, granted) = (&self.registration, &self.registration.granted);
        let flow = |index: usize, binding: &super::Binding| FlowState {
            reg_id: u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX),
            connected: self.link_path(index).is_some(),
            registered: binding.bound.is_some(),
            outbound: binding.outbound,
        };
        let route = registration.bindings.iter().find(|binding| binding.bound.is_some());
        RegistrationInfo {
            instance: registration.instance.clone(),
            flows: registration.bindings.iter().enumerate().map(|(index, binding)| flow(index, binding)).collect(),
            gruu: granted.gruu.clone(),
            temporary_gruu: granted.temporary_gruu.clone(),
            service_route: route.map(|binding| binding.service_route.clone()).unwrap_or_default(),
            bindings: granted.contacts.clone(),
            associated: granted.associated.clone(),
            push: granted.push.clone(),
        }
    }
}
