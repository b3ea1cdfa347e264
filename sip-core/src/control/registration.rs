//! Registrations as plain data.

use super::json::{reads, writes};
use crate::endpoint::{ContactBinding, Push, RegistrationInfo};

/// One binding of an address of record.
#[derive(Clone, Debug)]
pub struct BindingValue {
    /// Where it leads.
    pub uri: String,
    /// Seconds left.
    pub expires: Option<u32>,
    /// From 0 to 1.
    pub q: Option<f64>,
    /// `urn:uuid:…`.
    pub instance: Option<String>,
    /// Which flow of the instance.
    pub reg_id: Option<u32>,
    /// Ours.
    pub ours: bool,
}

/// A registration as it is now.
#[derive(Clone, Debug)]
pub struct RegistrationSnapshot {
    /// `urn:uuid:…`.
    pub instance: String,
    /// One for each way to a server.
    pub flows: Vec<FlowValue>,
    /// The public GRUU.
    pub gruu: Option<String>,
    /// The temporary GRUU.
    pub temporary_gruu: Option<String>,
    /// The way requests take beyond the server.
    pub service_route: Vec<String>,
    /// Everything that was bound when the registrar answered last.
    pub bindings: Vec<BindingValue>,
    /// Our other addresses.
    pub associated: Vec<String>,
    /// What the server does about pushes.
    pub push: Option<PushStateValue>,
}

/// One way to a server.
#[derive(Clone, Debug)]
pub struct FlowValue {
    /// Its number.
    pub reg_id: u32,
    /// It is up.
    pub connected: bool,
    /// The registrar has a binding over it.
    pub registered: bool,
    /// The registrar treats it by RFC 5626.
    pub outbound: bool,
}

/// What a server does about pushes.
#[derive(Clone, Debug)]
pub struct PushStateValue {
    /// It asks our service to wake us.
    pub accepted: bool,
    /// The services it knows.
    pub providers: Vec<String>,
    /// Seconds before the end at which we refresh by ourselves.
    pub margin: Option<u32>,
    /// Its key for Web Push.
    pub vapid: Option<String>,
}

/// How a server can wake us.
#[derive(Clone)]
pub struct PushValue {
    /// The service.
    pub provider: String,
    /// What it knows us by.
    pub prid: String,
    /// What else it needs.
    pub param: Option<String>,
}

impl std::fmt::Debug for PushValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushValue").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl From<PushValue> for Push {
    fn from(value: PushValue) -> Push {
        Push::new(&value.provider, &value.prid, value.param.as_deref())
    }
}

impl From<&ContactBinding> for BindingValue {
    fn from(binding: &ContactBinding) -> BindingValue {
        BindingValue {
            uri: binding.uri.to_string(),
            expires: binding.expires,
            q: binding.priority.map(|priority| f64::from(priority) / 1000.0),
            instance: binding.instance.as_deref().map(Into::into),
            reg_id: binding.reg_id,
            ours: binding.ours,
        }
    }
}

fn texts(texts: Vec<Box<str>>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}

impl From<RegistrationInfo> for RegistrationSnapshot {
    fn from(info: RegistrationInfo) -> RegistrationSnapshot {
        let flow = |flow: crate::endpoint::FlowState| FlowValue {
            reg_id: flow.reg_id,
            connected: flow.connected,
            registered: flow.registered,
            outbound: flow.outbound,
        };
        RegistrationSnapshot {
            instance: info.instance.into(),
            flows: info.flows.into_iter().map(flow).collect(),
            gruu: info.gruu.map(String::from),
            temporary_gruu: info.temporary_gruu.map(String::from),
            service_route: texts(info.service_route),
            bindings: info.bindings.iter().map(BindingValue::from).collect(),
            associated: texts(info.associated),
            push: info.push.map(|push| PushStateValue {
                accepted: push.accepted,
                providers: texts(push.providers),
                margin: push.margin,
                vapid: push.vapid.map(String::from),
            }),
        }
    }
}

writes!(BindingValue { uri, expires, q, instance, reg_id, ours });

writes!(RegistrationSnapshot { instance, flows, gruu, temporary_gruu, service_route, bindings, associated, push });

writes!(FlowValue { reg_id, connected, registered, outbound });

writes!(PushStateValue { accepted, providers, margin, vapid });

reads!(PushValue { provider, prid, param });
