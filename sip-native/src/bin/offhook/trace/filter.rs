//! Which messages are wanted.

use std::net::{IpAddr, SocketAddr};

use super::seen::{Place, Seen};

/// What a message must be, as the options say; what is not said is no condition.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Which messages")]
pub(super) struct Filter {
    /// Those whose Call-ID has this text in it
    #[arg(long, value_name = "TEXT")]
    call_id: Option<String>,
    /// Those from or to this address; may be repeated
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = address)]
    address: Vec<String>,
    /// Those of this method, and the answers to them; may be repeated
    #[arg(long, value_name = "METHOD")]
    method: Vec<String>,
    /// Those whose From or To has this text in it
    #[arg(long, value_name = "TEXT")]
    user: Option<String>,
}

fn address(text: &str) -> Result<String, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    text.parse::<SocketAddr>()
        .map(|address| address.to_string())
        .map_err(|_| "an IP address, with or without port".into())
}

impl Filter {
    pub(super) fn wants(&self, seen: &Seen) -> bool {
        let call = self.call_id.as_ref().is_none_or(|text| seen.call_id().is_some_and(|id| id.contains(text)));
        let at = |place: &Place| self.address.iter().any(|address| is_at(place, address));
        let place = self.address.is_empty() || at(&seen.from) || at(&seen.to);
        let method = self.method.is_empty() || {
            let of = seen.method();
            let of = of.as_ref().map_or("", |method| method.as_str());
            self.method.iter().any(|method| method.eq_ignore_ascii_case(of))
        };
        let user = self.user.as_ref().is_none_or(|text| {
            seen.parties().is_some_and(|(from, to)| from.contains(text.as_str()) || to.contains(text.as_str()))
        });
        call && place && method && user
    }
}

fn is_at(place: &Place, address: &str) -> bool {
    if *place.0 == *address {
        return true;
    }
    let host = place.0.parse::<SocketAddr>().map(|place| place.ip().to_string());
    host.is_ok_and(|host| host == address)
}
