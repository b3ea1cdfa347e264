//! Names to addresses, by the system's resolver.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use offhook_core::transport::{FlowError, FlowErrorKind, Target};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// The addresses of a host, in the order the system prefers, each once.
pub(super) async fn addresses(host: &str, within: Duration) -> Result<Vec<IpAddr>, FlowError> {
    let unresolved = |words: String| FlowError::new(FlowErrorKind::Unresolved, &words);
    if let Ok(ip) = unbracketed(host).parse() {
        return Ok(vec![ip]);
    }
    let found = match timeout(within, lookup_host((host, 0))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(unresolved(format!("{host}: {error}"))),
        Err(_) => {
            return Err(FlowError::new(
                FlowErrorKind::Timeout,
                &format!("{host}: the resolver did not answer in time"),
            ));
        }
    };
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address.ip()) {
            addresses.push(address.ip());
        }
    }
    if addresses.is_empty() { Err(unresolved(format!("{host}: no address"))) } else { Ok(addresses) }
}

/// Where to connect for a target: its address, or what its host resolves to.
pub(super) async fn candidates(target: &Target, within: Duration) -> Result<Vec<SocketAddr>, FlowError> {
    match target.addr {
        Some(address) => Ok(vec![address]),
        None => {
            let found = addresses(&target.host, within).await?;
            Ok(found.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect())
        }
    }
}

/// A host without the brackets an IPv6 address has in a URI.
pub(super) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
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
        assert_eq!(addresses("[::1]", SECOND).await, Ok(vec!["::1".parse().unwrap()]));
        assert_eq!(addresses("127.0.0.1", SECOND).await, Ok(vec!["127.0.0.1".parse().unwrap()]));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_is_unresolved() {
        let error = addresses("no such name", SECOND).await.unwrap_err();
        assert_eq!(error.kind, FlowErrorKind::Unresolved);
    }
}
