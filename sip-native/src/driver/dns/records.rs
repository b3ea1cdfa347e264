//! What is asked of name servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use offhook_core::transport::{FlowError, FlowErrorKind, Naptr, Record, RecordKind, Srv};

use super::unresolved;

/// How long one name server has before the next is asked, and how often all are.
const PATIENCE: Duration = Duration::from_millis(800);
const ATTEMPTS: usize = 2;

/// Name servers: the application's own, or those of the system, which are found out by the first question.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolver {
    own: Option<Arc<[SocketAddr]>>,
    resolver: Arc<OnceLock<TokioResolver>>,
}

impl Resolver {
    pub(super) fn of(servers: Vec<SocketAddr>) -> Resolver {
        Resolver { own: Some(servers.into()), resolver: Arc::default() }
    }

    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, FlowError> {
        let found = self.resolver()?.lookup_ip(host).await.map_err(|error| failed(host, &error))?;
        Ok(found.iter().collect())
    }

    pub(super) async fn records(&self, name: &str, kind: RecordKind) -> Result<Vec<Record>, FlowError> {
        let record_type = match kind {
            RecordKind::Srv => RecordType::SRV,
            RecordKind::Naptr => RecordType::NAPTR,
        };
        // What no name server can know it has no records of.
        let Ok(mut fqdn) = Name::from_ascii(name) else { return Ok(Vec::new()) };
        fqdn.set_fqdn(true);
        match self.resolver()?.lookup(fqdn, record_type).await {
            Ok(found) => Ok(found.answers().iter().filter_map(|record| translated(&record.data)).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(failed(name, &error)),
        }
    }

    fn resolver(&self) -> Result<&TokioResolver, FlowError> {
        if let Some(resolver) = self.resolver.get() {
            return Ok(resolver);
        }
        let made = match &self.own {
            None => TokioResolver::builder_tokio(),
            Some(servers) => {
                let servers = servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_name_servers(servers);
                Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
            }
        };
        let made = made.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = PATIENCE;
            options.attempts = ATTEMPTS;
            builder.build()
        });
        let made = made.map_err(|error| {
            FlowError::new(FlowErrorKind::Unresolved, &format!("the name servers are not known: {error}"))
        })?;
        Ok(self.resolver.get_or_init(|| made))
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn failed(name: &str, error: &NetError) -> FlowError {
    match error {
        NetError::Timeout => super::late(name),
        error => unresolved(name, &error.to_string()),
    }
}

fn translated(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into();
    match data {
        RData::SRV(srv) => Some(Record::Srv(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: if srv.target.is_root() { ".".into() } else { host(&srv.target) },
        })),
        RData::NAPTR(naptr) => Some(Record::Naptr(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: host(&naptr.replacement),
        })),
        _ => None,
    }
}

fn host(name: &Name) -> Box<str> {
    name.to_ascii().trim_end_matches('.').into()
}
