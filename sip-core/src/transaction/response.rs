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
            builder.parts(Name::To, &[without_empty_tag(to.as_str()), ";tag=", tag]);
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
    let mut lines = request.raw(Name::Via);
    let first = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let (top, rest) = split_top_value(first);
    let mut value = String::with_capacity(top.len() + 40);
    value.push_str(top.split(';').next().unwrap_or(top).trim_end());
    let rport = via.params.get("rport");
    for (name, param) in via.params.iter() {
        if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
            continue;
        }
        value.push(';');
        value.push_str(name);
        if let Some(param) = param {
            value.push('=');
            value.push_str(param);
        }
    }
    if source != Path::UNKNOWN && (rport.is_some() || !is_same_host(&via, source.ip())) {
        value.push_str(";received=");
        value.push_str(&source.ip().to_string());
    }
    if let Some(given) = rport {
        value.push_str(";rport");
        if source != Path::UNKNOWN {
            value.push('=');
            value.push_str(&source.port().to_string());
        } else if let Some(given) = given {
            value.push('=');
            value.push_str(given);
        }
    }
    builder.header(Name::Via, &value);
    if let Some(rest) = rest {
        builder.header(Name::Via, rest.trim());
    }
    for line in lines {
        if let Ok(line) = std::str::from_utf8(line) {
            builder.header(Name::Via, line);
        }
    }
}

fn is_same_host(via: &Via<'_>, ip: IpAddr) -> bool {
    match via.host {
        Host::V4(host) => IpAddr::V4(host) == ip,
        Host::V6(host) => IpAddr::V6(host) == ip,
        Host::Name(_) => false,
    }
}

/// The first of comma separated values and what follows it; a comma within quotes separates nothing.
fn split_top_value(line: &str) -> (&str, Option<&str>) {
    let mut quoted = false;
    for (index, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return (line.get(..index).unwrap_or(line), line.get(index.saturating_add(1)..)),
            _ => {}
        }
    }
    (line, None)
}

/// Where responses to a request go: back the way it came; over UDP to the port RFC 3581 or the sent-by names.
pub(super) fn response_path(via: &Via<'_>, source: Path, transport: Transport) -> Path {
    if transport.is_reliable() || via.params.contains("rport") {
        return source;
    }
    let port = via.port.unwrap_or(transport.default_port());
    Path { flow: source.flow, remote: SocketAddr::new(source.remote.ip(), port) }
}
