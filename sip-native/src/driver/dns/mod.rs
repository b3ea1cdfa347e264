//! Names to addresses and records: by the system's resolver, or by name servers of the application's own.

#[cfg(feature = "dns")]
mod records;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use offhook_core::transport::{FlowError, FlowErrorKind, Record, RecordKind, Target};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};

use crate::metrics::looked_up;

/// Where names are looked up.
///
/// By default as the system does: addresses by its own resolver, with all it knows beside name servers; records
/// (NAPTR and SRV) by the name servers it is set to. Without the feature `dns` there are no records.
#[derive(Clone, Debug, Default)]
pub struct Dns {
    #[cfg(feature = "dns")]
    records: records::Resolver,
}

impl Dns {
    /// As the system does.
    pub fn system() -> Dns {
        Dns::default()
    }

    /// By these name servers alone, also for addresses. They are asked by UDP, and by TCP where answers are long.
    #[cfg(feature = "dns")]
    pub fn servers(servers: Vec<SocketAddr>) -> Dns {
        Dns { records: records::Resolver::of(servers) }
    }

    /// The addresses of a host, in the order they are to be tried, each once.
    pub(super) async fn addresses(&self, host: &str, within: Duration) -> Result<Vec<IpAddr>, FlowError> {
        if let Ok(ip) = unbracketed(host).parse() {
            return Ok(vec![ip]);
        }
        let asked = Instant::now();
        let found = timeout(within, self.find(host)).await.unwrap_or_else(|_| Err(late(host)));
        let result = found.as_ref().map(|found| !found.is_empty()).map_err(|error| error.kind);
        looked_up("addresses", result, asked.elapsed());
        let found = found?;
        let mut addresses = Vec::new();
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() { Err(unresolved(host, "no address")) } else { Ok(addresses) }
    }

    async fn find(&self, host: &str) -> Result<Vec<IpAddr>, FlowError> {
        #[cfg(feature = "dns")]
        if self.records.is_own() {
            return self.records.addresses(host).await;
        }
        let found = lookup_host((host, 0)).await.map_err(|error| unresolved(host, &error.to_string()))?;
        Ok(found.map(|address| address.ip()).collect())
    }

    /// The records of a name; none is no error.
    pub(super) async fn records(
        &self,
        name: &str,
        kind: RecordKind,
        within: Duration,
    ) -> Result<Vec<Record>, FlowError> {
        if is_local(name) {
            return Ok(Vec::new());
        }
        let asked = Instant::now();
        let found = timeout(within, self.look_up(name, kind)).await.unwrap_or_else(|_| Err(late(name)));
        let result = found.as_ref().map(|found| !found.is_empty()).map_err(|error| error.kind);
        looked_up(if kind == RecordKind::Srv { "srv" } else { "naptr" }, result, asked.elapsed());
        found
    }

    #[cfg(feature = "dns")]
    async fn look_up(&self, name: &str, kind: RecordKind) -> Result<Vec<Record>, FlowError> {
        self.records.records(name, kind).await
    }

    #[cfg(not(feature = "dns"))]
    async fn look_up(&self, _: &str, _: RecordKind) -> Result<Vec<Record>, FlowError> {
        Ok(Vec::new())
    }

    /// Where to connect for a target: its address, or what its host resolves to.
    pub(super) async fn candidates(&self, target: &Target, within: Duration) -> Result<Vec<SocketAddr>, FlowError> {
        match target.addr {
            Some(address) => Ok(vec![address]),
            None => {
                let found = self.addresses(&target.host, within).await?;
                Ok(found.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect())
            }
        }
    }
}

/// Names that no name server knows (RFC 6761, RFC 6762), also below a service's labels.
fn is_local(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    ["localhost", "local", "invalid"].iter().any(|local| last.eq_ignore_ascii_case(local))
}

/// A host without the brackets an IPv6 address has in a URI.
pub(super) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn unresolved(name: &str, words: &str) -> FlowError {
    FlowError::new(FlowErrorKind::Unresolved, &format!("{name}: {words}"))
}

fn late(name: &str) -> FlowError {
    FlowError::new(FlowErrorKind::Timeout, &format!("{name}: the resolver did not answer in time"))
}

/// An error of opening, by the kinds a machine decides by.
pub(super) fn open_error(error: &io::Error, whom: &str) -> FlowError {
    let kind = if error.kind() == io::ErrorKind::TimedOut { FlowErrorKind::Timeout } else { FlowErrorKind::Refused };
    FlowError::new(kind, &format!("{whom}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn addresses_need_no_resolver() {
        let dns = Dns::system();
        assert_eq!(dns.addresses("[::1]", SECOND).await, Ok(vec!["::1".parse().unwrap()]));
        assert_eq!(dns.addresses("127.0.0.1", SECOND).await, Ok(vec!["127.0.0.1".parse().unwrap()]));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_is_unresolved() {
        let error = Dns::system().addresses("no such name", SECOND).await.unwrap_err();
        assert_eq!(error.kind, FlowErrorKind::Unresolved);
    }

    #[tokio::test]
    async fn nobody_is_asked_for_what_is_local() {
        for name in ["localhost", "_sip._udp.localhost", "df7jal23ls0d.invalid", "_sip._tcp.printer.local."] {
            assert_eq!(Dns::system().records(name, RecordKind::Srv, Duration::ZERO).await, Ok(Vec::new()), "{name}");
        }
    }
}
