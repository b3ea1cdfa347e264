//! From the options to the settings of an endpoint: where the first hop is, from which address it is reached, who asks.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use offhook::core::auth::{Algorithm, Credential};
use offhook::core::endpoint::{Config, Server};
use offhook::core::message::UriRef;
use offhook::core::transport::MessageRate;
use offhook::local_address;

use super::{Account, Network, Shared};
use crate::failure::Failure;

/// The way to the first hop.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Where that is, as far as it is known before a name is looked up.
    pub(crate) there: Option<Server>,
    /// Our address on the way.
    pub(crate) local: IpAddr,
    network: Network,
}

impl Way {
    /// The way to the server, or else to a target.
    pub(crate) async fn find(shared: &Shared, target: Option<&str>) -> Result<Way, Failure> {
        let there = match &shared.account.server {
            Some(server) => Some(Server::parse(server)?),
            None => target.and_then(server_of),
        };
        let unknown = Ipv4Addr::UNSPECIFIED.into();
        let local = match &there {
            // A domain that is no host is found by its records; the way there is the default one.
            Some(server) => local_address(Some(server)).await.unwrap_or(unknown),
            None => unknown,
        };
        Ok(Way { there, local, network: shared.network.clone() })
    }

    /// The settings of an account on this way. The server is for the caller to set.
    pub(crate) fn config(&self, account: &Account) -> Result<Config, Failure> {
        let own = anonymous(self.local);
        let mut config = Config::new(account.aor.as_deref().unwrap_or(&own))?;
        config.limits.message_rate = Some(MessageRate::default());
        for server in &account.backup {
            config.more_servers.push(Server::parse(server)?);
        }
        config.display_name.clone_from(&account.display_name);
        config.weakest_digest = account.weakest_digest.as_deref().map(algorithm).transpose()?;
        let Network { t1, t2, t4, .. } = self.network;
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let timers = &mut config.timers;
        timers.t1 = t1.map_or(timers.t1, millis);
        timers.t2 = t2.map_or(timers.t2, millis);
        timers.t4 = t4.map_or(timers.t4, millis);
        if let Some(name) = &account.user_agent {
            config.user_agent.clone_from(name);
        }
        if let Some(seconds) = account.expires {
            config.expires = Duration::from_secs(seconds.into());
        }
        if let Some(password) = account.password()? {
            let username = account.username.clone().unwrap_or_else(|| config.user().to_owned());
            config.credentials.push(Credential::password(username, password));
        }
        config.credentials.extend(Account::token()?.map(Credential::token));
        Ok(config)
    }
}

fn algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::parse(name)
        .ok_or_else(|| Failure::usage(format!("--weakest-digest {name}: there are MD5, SHA-256 and SHA-512-256")))
}

/// Where a target is, as far as its URI says.
fn server_of(target: &str) -> Option<Server> {
    let uri = UriRef::parse(target).ok()?;
    let sip = uri.as_sip()?;
    let mut text = format!("{}:{}", if sip.secure { "sips" } else { "sip" }, sip.host);
    if let Some(port) = sip.port {
        text = format!("{text}:{port}");
    }
    if let Some(transport) = sip.params.value("transport") {
        text = format!("{text};transport={transport}");
    }
    Server::parse(&text).ok()
}

/// Who calls when nobody said so.
fn anonymous(local: IpAddr) -> String {
    match local {
        IpAddr::V4(address) => format!("sip:offhook@{address}"),
        IpAddr::V6(address) => format!("sip:offhook@[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_its_server() {
        let server = |target| server_of(target).map(|server| (server.transport().via(), server.target().port));
        assert_eq!(server("sip:bob@127.0.0.1:5070;transport=tcp"), Some(("TCP", 5070)));
        assert_eq!(server("sips:bob@example.com"), Some(("TLS", 5061)));
        assert_eq!(server("bob"), None);
    }
}
