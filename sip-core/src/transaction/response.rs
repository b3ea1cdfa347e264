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
    let Ok((via, rest)) = request.via_and_rest() else {
        builder.copy(Name::Via, request);
        return;
    };
    builder.begin_received(Name::Via);
    write_top_via(&via, source, |piece| match piece {
        Piece::Received(piece) => builder.put_received_part(piece),
        Piece::Own(piece) => builder.put_part(piece),
    });
    builder.end_received();
    let rest = rest.trim_start_matches([' ', '\t', ',']);
    if !rest.is_empty() {
        builder.received(Name::Via, &[rest]);
    }
    builder.copy_further(Name::Via, request);
}

/// A piece of a value that is written.
enum Piece<'a> {
    /// As it came.
    Received(&'a str),
    /// Ours.
    Own(&'a str),
}

/// The top Via as it was, but for `received` and `rport` (RFC 3261 18.2.1, RFC 3581 4): with them a response goes back,
/// and a proxy sends the request on.
pub fn top_via(via: &Via<'_>, source: SocketAddr) -> String {
    let mut value = String::with_capacity(via.as_str().len().saturating_add(64));
    write_top_via(via, source, |(Piece::Received(piece) | Piece::Own(piece))| value.push_str(piece));
    value
}

fn write_top_via(via: &Via<'_>, source: SocketAddr, mut put: impl FnMut(Piece<'_>)) {
    let (text, params) = (via.as_str(), via.params.as_str());
    let known = source != Path::UNKNOWN;
    let mut rport = false;
    // What stays as it was goes in one piece.
    let mut kept = text.strip_suffix(params).unwrap_or(text).trim_end();
    for param in via.params.as_written() {
        let name = param.split_once('=').map_or(param, |(name, _)| name).trim_end();
        if name.eq_ignore_ascii_case("received") {
            continue;
        }
        if known && name.eq_ignore_ascii_case("rport") {
            rport = true;
            put(Piece::Received(std::mem::take(&mut kept)));
            put(Piece::Own(";rport="));
            let mut digits = Digits::default();
            digits.put_in_front(source.port());
            put(Piece::Own(digits.text()));
        } else if let Some(longer) = with_next(text, kept, param) {
            kept = longer;
        } else {
            put(Piece::Received(std::mem::replace(&mut kept, param)));
            put(Piece::Own(";"));
        }
    }
    put(Piece::Received(kept));
    if known && (rport || !is_same_host(via, source.ip())) {
        put(Piece::Own(";received="));
        put_address(source.ip(), |piece| put(Piece::Own(piece)));
    }
}

/// The piece of the text and the parameter behind it as one piece, if there is nothing but a semicolon between them.
fn with_next<'a>(text: &'a str, piece: &str, param: &str) -> Option<&'a str> {
    let place = |part: &str| part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    let (start, end, next) = (place(piece), place(piece).wrapping_add(piece.len()), place(param));
    let is_next = !piece.is_empty() && end.wrapping_add(1) == next && text.as_bytes().get(end) == Some(&b';');
    text.get(start..next.wrapping_add(param.len())).filter(|_| is_next)
}

/// Written by hand: what formats anything takes longer than the rest of a response.
fn put_address(address: IpAddr, mut put: impl FnMut(&str)) {
    let IpAddr::V4(address) = address else { return put(&address.to_string()) };
    let mut digits = Digits::default();
    for part in address.octets().into_iter().rev() {
        digits.put_in_front(part.into());
        digits.put_byte_in_front(b'.');
    }
    put(digits.text().trim_start_matches('.'));
}

/// Numbers as text, written from behind.
#[derive(Default)]
struct Digits {
    bytes: [u8; 16],
    count: usize,
}

impl Digits {
    fn put_in_front(&mut self, mut number: u16) {
        loop {
            self.put_byte_in_front(b'0'.wrapping_add((number % 10) as u8));
            number /= 10;
            if number == 0 {
                break;
            }
        }
    }

    fn put_byte_in_front(&mut self, byte: u8) {
        self.count = self.count.saturating_add(1);
        if let Some(place) = self.bytes.len().checked_sub(self.count).and_then(|at| self.bytes.get_mut(at)) {
            *place = byte;
        }
    }

    fn text(&self) -> &str {
        let start = self.bytes.len().saturating_sub(self.count);
        self.bytes.get(start..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
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
