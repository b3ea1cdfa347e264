//! Places to receive.

use std::net::SocketAddr;
use std::str::FromStr;

/// One place to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Udp,
    Tcp,
    Ws,
    #[cfg(feature = "tls")]
    Tls,
    #[cfg(feature = "tls")]
    Wss,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        let named = [
            ("udp:", Protocol::Udp),
            ("tcp:", Protocol::Tcp),
            ("ws:", Protocol::Ws),
            #[cfg(feature = "tls")]
            ("tls:", Protocol::Tls),
            #[cfg(feature = "tls")]
            ("wss:", Protocol::Wss),
        ];
        let split = named.into_iter().find_map(|(name, protocol)| Some((protocol, text.strip_prefix(name)?)));
        let (protocol, address) = split.unwrap_or((Protocol::Udp, text));
        let address =
            address.parse().map_err(|_| "not of the form [udp:|tcp:|tls:|ws:|wss:]ADDRESS:PORT".to_owned())?;
        Ok(Listen { protocol, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_listen() {
        let tcp = Listen { protocol: Protocol::Tcp, address: "[::1]:5060".parse().unwrap() };
        assert_eq!("tcp:[::1]:5060".parse(), Ok(tcp));
        assert_eq!("127.0.0.1:0".parse::<Listen>().unwrap().protocol, Protocol::Udp);
        #[cfg(feature = "tls")]
        assert_eq!("wss:127.0.0.1:0".parse::<Listen>().unwrap().protocol, Protocol::Wss);
        assert!("5060".parse::<Listen>().is_err());
    }
}
