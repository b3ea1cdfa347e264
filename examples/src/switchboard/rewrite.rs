//! Messages written anew with a few header fields changed and everything else as it came: what a proxy sends on
//! (RFC 3261 16.6, 16.7).

use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::message::{Fields, Name, ParseError, Request, Response};
use offhook_core::transaction::top_via;

/// What changes in a request that is sent on.
pub(super) struct Changes<'a> {
    /// The new Request-URI.
    pub(super) uri: &'a str,
    /// Our own Via.
    pub(super) via: &'a str,
    /// Our own Record-Routes, the topmost first.
    pub(super) record_routes: &'a [String],
    /// All of the Routes that remain.
    pub(super) routes: &'a [String],
    /// The new Max-Forwards.
    pub(super) max_forwards: u32,
    /// Credentials for this realm were for us and go no further.
    pub(super) realm: &'a str,
}

/// A request as it is sent on.
///
/// # Errors
///
/// Its top Via cannot be read.
pub(super) fn request(request: &Request, source: SocketAddr, changes: &Changes<'_>) -> Result<Bytes, ParseError> {
    let top = top_via(&request.via()?, source);
    let mut out = Vec::with_capacity(request.bytes().len() + 512);
    for part in [request.method().as_str(), " ", changes.uri, " SIP/2.0\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    line(&mut out, b"Via", changes.via.as_bytes());
    line(&mut out, b"Via", top.as_bytes());
    let mut vias = request.raw(Name::Via);
    if let Some(rest) = vias.next().and_then(after_first_value) {
        line(&mut out, b"Via", rest);
    }
    vias.for_each(|value| line(&mut out, b"Via", value));
    changes.record_routes.iter().for_each(|value| line(&mut out, b"Record-Route", value.as_bytes()));
    changes.routes.iter().for_each(|value| line(&mut out, b"Route", value.as_bytes()));
    line(&mut out, b"Max-Forwards", changes.max_forwards.to_string().as_bytes());
    for (name, value) in request.iter() {
        match Name::parse(name) {
            Name::Via | Name::Route | Name::MaxForwards | Name::ContentLength => {}
            Name::ProxyAuthorization if is_for_realm(value, changes.realm) => {}
            _ => line(&mut out, name, value),
        }
    }
    Ok(finish(out, request))
}

/// A response without its top Via, and with these header fields added. `None` if no other Via is left: then it was
/// meant for us.
pub(super) fn response(response: &Response, added: &[(Name, Vec<u8>)]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(response.bytes().len());
    out.extend_from_slice(b"SIP/2.0 ");
    out.extend_from_slice(response.status().code().to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(response.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut vias = 0;
    for (name, value) in response.iter() {
        match Name::parse(name) {
            Name::Via => {
                let value = if vias == 0 { after_first_value(value) } else { Some(value) };
                vias += 1;
                if let Some(value) = value {
                    vias += 1;
                    line(&mut out, name, value);
                }
            }
            Name::ContentLength => {}
            _ => line(&mut out, name, value),
        }
    }
    added.iter().for_each(|(name, value)| line(&mut out, name.as_str().as_bytes(), value));
    (vias > 1).then(|| finish(out, response))
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

fn finish(mut out: Vec<u8>, fields: &Fields) -> Bytes {
    let body = fields.body();
    line(&mut out, b"Content-Length", body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out.into()
}

/// What follows the first of comma separated values; a comma within quotes separates nothing.
fn after_first_value(value: &[u8]) -> Option<&[u8]> {
    let mut quoted = false;
    for (index, byte) in value.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => return value.get(index + 1..).map(<[u8]>::trim_ascii),
            _ => {}
        }
    }
    None
}

fn is_for_realm(credentials: &[u8], realm: &str) -> bool {
    let wanted = format!("realm=\"{realm}\"");
    credentials.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Parameters (`;a=b;c`) without those of a name; a semicolon within quotes separates nothing.
pub(super) fn params_without(params: &str, name: &str) -> String {
    let mut out = String::with_capacity(params.len());
    let mut quoted = false;
    let separator = |character: char| {
        quoted ^= character == '"';
        character == ';' && !quoted
    };
    for param in params.split(separator).map(str::trim).filter(|param| !param.is_empty()) {
        if !param.split('=').next().unwrap_or_default().trim().eq_ignore_ascii_case(name) {
            out.push(';');
            out.push_str(param);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_left_out_by_name() {
        let params = ";q=0.5; Expires=60;+sip.instance=\"<urn:a;expires=1>\";ob";
        assert_eq!(params_without(params, "expires"), ";q=0.5;+sip.instance=\"<urn:a;expires=1>\";ob");
        assert_eq!(params_without("expires=3", "expires"), "");
    }

    #[test]
    fn the_rest_of_a_line_follows_the_first_comma_outside_of_quotes() {
        assert_eq!(after_first_value(b"a;b=\"1,2\" , c"), Some(&b"c"[..]));
        assert_eq!(after_first_value(b"a;b=\"1,2\""), None);
    }
}
