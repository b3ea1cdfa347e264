//! What every response takes over from its request (RFC 3261 8.2.6.2), and where it goes (18.2.2, RFC 3581).

use std::net::{IpAddr, SocketAddr};

use crate::message::{Builder, Host, Name, Request, StatusCode, Via};
use crate::transport::{Path, Transport};

/// Starts a response: status line, every Via (the top one with `received` and `rport` as the request's source says),
/// From, To with `to_tag` where the request's has none, Call-ID and CSeq.
pub fn respond_to(
    request: &Request,
    source: SocketAddr,
    status: StatusCode,
    reason: Option<&str>,
    to_tag: Option<&str>,
) -> Builder {
    let mut builder = Builder::response(status, reason);
    push_vias(&mut builder, request, source);
    builder.copy(Name::From, request);
    match (to_tag, request.to()) {
        (Some(tag), Ok(to)) if to.tag().is_none() && status != StatusCode::TRYING => {
            builder.received(Name::To, &[without_empty_tag(to.as_str()), ";tag=", tag]);
        }
        _ => {
            builder.copy(Name::To, request);
        }
    }
    builder.copy(Name::CallId, request);
    builder.copy(Name::CSeq, request);
    if status == StatusCode::TRYING {
        builder.copy(Name::Timestamp, request);
    }
    builder
}

/// `…;tag=` is what some peers send in place of no tag.
fn without_empty_tag(to: &str) -> &str {
    to.strip_suffix(";tag=").unwrap_or(to)
}

fn push_vias(builder: &mut Builder, request: &Request, source: SocketAddr) {
    let Ok(via) = request.via() else {
        builder.copy(Name::Via, request);
        return;
    };
    builder.begin_received(Name::Via);
    write_top_via(&via, source, |piece| builder.put_received_part(piece));
    builder.end_received();
    let mut lines = request.raw(Name::Via).filter_map(|line| std::str::from_utf8(line).ok());
    let rest = lines.next().and_then(|first| {
        // The value is borrowed from the line.
        let start = via.as_str().as_ptr().addr().saturating_sub(first.as_ptr().addr());
        first.get(start.saturating_add(via.as_str().len())..)
    });
    let rest = rest.map(|rest| rest.trim_start_matches([' ', '\t', ','])).filter(|rest| !rest.is_empty());
    for line in rest.into_iter().chain(lines) {
        builder.received(Name::Via, &[line]);
    }
}

/// The top Via as it was, but for `received` and `rport` (RFC 3261 18.2.1, RFC 3581 4): with them a response goes back,
/// and a proxy sends the request on.
pub fn top_via(via: &Via<'_>, source: SocketAddr) -> String {
    let mut value = String::with_capacity(via.as_str().len().saturating_add(64));
    write_top_via(via, source, |piece| value.push_str(piece));
    value
}

fn write_top_via(via: &Via<'_>, source: SocketAddr, mut put: impl FnMut(&str)) {
    let (text, params) = (via.as_str(), via.params.as_str());
    let known = source != Path::UNKNOWN;
    put(text.strip_suffix(params).unwrap_or(text).trim_end());
    let mut rport = false;
    for param in params_as_written(params) {
        let name = param.split_once('=').map_or(param, |(name, _)| name).trim_end();
        if name.eq_ignore_ascii_case("received") {
            continue;
        }
        put(";");
        if known && name.eq_ignore_ascii_case("rport") {
            rport = true;
            put("rport=");
            put(Digits::of(source.port()).text());
        } else {
            put(param);
        }
    }
    if known && (rport || !is_same_host(via, source.ip())) {
        put(";received=");
        put_address(source.ip(), put);
    }
}

/// Written by hand: what formats anything takes longer than the rest of a response.
fn put_address(address: IpAddr, mut put: impl FnMut(&str)) {
    let IpAddr::V4(address) = address else { return put(&address.to_string()) };
    for (place, part) in address.octets().into_iter().enumerate() {
        if place > 0 {
            put(".");
        }
        put(Digits::of(part.into()).text());
    }
}

/// A number as text.
struct Digits {
    bytes: [u8; 5],
    start: usize,
}

impl Digits {
    fn of(mut number: u16) -> Digits {
        let mut digits = Digits { bytes: [b'0'; 5], start: 5 };
        for (place, byte) in digits.bytes.iter_mut().enumerate().rev() {
            *byte = b'0'.wrapping_add((number % 10) as u8);
            digits.start = place;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        digits
    }

    fn text(&self) -> &str {
        self.bytes.get(self.start..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Each parameter with its quotation marks; a semicolon within them separates nothing.
fn params_as_written(params: &str) -> impl Iterator<Item = &str> {
    let mut rest = params;
    std::iter::from_fn(move || {
        let mut end = None;
        let (mut quoted, mut escaped) = (false, false);
        for (place, byte) in rest.bytes().enumerate() {
            if byte == b';' && !quoted {
                end = Some(place);
                break;
            }
            quoted ^= byte == b'"' && !escaped;
            escaped = quoted && byte == b'\\' && !escaped;
        }
        if rest.is_empty() {
            return None;
        }
        // Cut at a semicolon, which is a character of its own.
        let (piece, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        rest = after.strip_prefix(';').unwrap_or(after);
        Some(piece)
    })
    .map(str::trim)
    .filter(|param| !param.is_empty())
}

fn is_same_host(via: &Via<'_>, ip: IpAddr) -> bool {
    match via.host {
        Host::V4(host) => IpAddr::V4(host) == ip,
        Host::V6(host) => IpAddr::V6(host) == ip,
        Host::Name(_) => false,
    }
}

/// Where responses to a request go: back the way it came; over UDP to the port RFC 3581 or the sent-by names.
pub(super) fn response_path(via: &Via<'_>, source: Path, transport: Transport) -> Path {
    if transport.is_reliable() || via.params.contains("rport") {
        return source;
    }
    let port = via.port.unwrap_or(transport.default_port());
    let mut remote = source.remote;
    remote.set_port(port);
    Path { flow: source.flow, remote }
}
