//! The registration as the other shards of a user agent use it: what it grants, and nothing to do for it.

use super::answer::Granted;
use super::{PushInfo, Registration};
use crate::transport::FlowId;

/// What the shard that registers tells the others.
#[derive(Clone, Debug)]
pub(in super::super) struct Following {
    instance: Box<str>,
    wanted: bool,
    gruu: Option<Box<str>>,
    temporary_gruu: Option<Box<str>>,
    push: Option<PushInfo>,
    flows: Vec<Flow>,
}

#[derive(Clone, Debug)]
struct Flow {
    bound: Option<FlowId>,
    plain: bool,
    outbound: bool,
    service_route: Vec<Box<str>>,
}

impl Registration {
    pub(in super::super) fn following(&self) -> Following {
        let flow = |binding: &super::Binding| Flow {
            bound: binding.bound,
            plain: binding.plain,
            outbound: binding.outbound,
            service_route: binding.service_route.clone(),
        };
        Following {
            instance: self.instance.clone(),
            wanted: self.wanted,
            gruu: self.granted.gruu.clone(),
            temporary_gruu: self.granted.temporary_gruu.clone(),
            push: self.granted.push.clone(),
            flows: self.bindings.iter().map(flow).collect(),
        }
    }

    pub(in super::super) fn follow(&mut self, lead: &Following) {
        self.instance = lead.instance.clone();
        self.wanted = lead.wanted;
        self.granted = Granted {
            gruu: lead.gruu.clone(),
            temporary_gruu: lead.temporary_gruu.clone(),
            push: lead.push.clone(),
            ..Granted::default()
        };
        for (binding, flow) in self.bindings.iter_mut().zip(&lead.flows) {
            binding.bound = flow.bound;
            binding.plain = flow.plain;
            binding.outbound = flow.outbound;
            binding.service_route = flow.service_route.clone();
        }
    }

    /// `urn:uuid:…`, the same for all flows.
    pub(in super::super) fn instance(&self) -> &str {
        &self.instance
    }

    pub(in super::super) fn is_wanted(&self) -> bool {
        self.wanted
    }
}
