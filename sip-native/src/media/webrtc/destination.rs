//! The address in a description: that of the default candidate (RFC 8839 4.2.1.2).
//!
//! The stack writes `0.0.0.0` and port 9 there, as browsers do that have no candidates yet. Ours are in the description, and
//! exchanges such as Asterisk take `0.0.0.0` for a hold, as it was before RFC 3264.

use std::net::IpAddr;

/// Names the default candidate in the media lines that are not rejected, and in their connection lines.
pub(super) fn named(description: &str) -> String {
    let Some((address, port)) = default_candidate(description) else { return description.to_owned() };
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let mut named = String::with_capacity(description.len() + 32);
    let mut in_media = false;
    for line in description.lines() {
        if let Some((kind, rest)) = line.strip_prefix("m=").and_then(|media| media.split_once(' ')) {
            in_media = !rest.starts_with("0 ");
            let formats = rest.split_once(' ').map_or("", |(_, formats)| formats);
            let line = if in_media { format!("m={kind} {port} {formats}") } else { line.to_owned() };
            named.push_str(&line);
        } else if in_media && line.starts_with("c=IN ") {
            named.push_str(&format!("c=IN {family} {address}"));
        } else {
            named.push_str(line);
        }
        named.push_str("\r\n");
    }
    named
}

/// The candidate that most likely works for somebody without ICE: one that others can reach before one of this machine
/// alone, IPv4 before IPv6, and of several the one that the stack prefers.
fn default_candidate(description: &str) -> Option<(IpAddr, u16)> {
    let candidates = description.lines().filter_map(|line| {
        let mut fields = line.strip_prefix("a=candidate:")?.split(' ').skip(3);
        let (priority, address, port) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?);
        Some((priority, address, port.parse().ok()?))
    });
    let best = candidates.max_by_key(|(priority, address, _): &(u32, IpAddr, u16)| {
        (!address.is_loopback(), address.is_ipv4(), *priority)
    });
    best.map(|(_, address, port)| (address, port))
}

#[cfg(test)]
mod tests {
    use super::named;

    fn description(port: &str, connection: &str, candidates: &[&str]) -> String {
        let mut text = format!(
            "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\nm=video 0 A 96\r\nc=IN IP4 0.0.0.0\r\nm=audio {port} UDP/TLS/RTP/SAVPF 111 0\r\nc=IN {connection}\r\n"
        );
        for candidate in candidates {
            text += &format!("a=candidate:f 1 udp {candidate} typ host ufrag u\r\n");
        }
        text
    }

    #[test]
    fn the_default_candidate_is_named_where_a_stream_is() {
        let here = "2130706433 127.0.0.1 4000";
        let near = "2130706431 192.0.2.2 4002";
        let other = "2130705663 198.51.100.7 4004";
        let six = "2130706432 2001:db8::2 4006";
        for (candidates, port, connection) in [
            (&[here, other, near, six][..], "4002", "IP4 192.0.2.2"),
            (&[here, six], "4006", "IP6 2001:db8::2"),
            (&[here], "4000", "IP4 127.0.0.1"),
        ] {
            let written = description("9", "IP4 0.0.0.0", candidates);
            assert_eq!(named(&written), description(port, connection, candidates));
        }
    }

    #[test]
    fn without_candidates_nothing_is_named() {
        let written = description("9", "IP4 0.0.0.0", &["1 host.local 4000"]);
        assert_eq!(named(&written), written);
    }
}
