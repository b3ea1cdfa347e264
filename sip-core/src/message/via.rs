//! Via values (RFC 3261 section 20.42, RFC 3581).

use super::error::{Fault, ParseError};
use super::grammar::{self, Out, TOKEN, fail, lws, separator, skip_ws, split, token, trim_end};
use super::{Host, Params};
use std::fmt;
use std::net::IpAddr;

/// What the branch of an RFC 3261 element starts with (section 8.1.1.7).
const COOKIE: &str = "z9hG4bK";

/// One Via value: who sent or forwarded the message, and over which transport.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` … as written.
    pub transport: &'a str,
    /// The host of sent-by.
    pub host: Host<'a>,
    /// The port of sent-by, if there is one.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` …
    pub params: Params<'a>,
    text: &'a str,
}

impl<'a> Via<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// The field is `Via`, the offset counts from the start of the text.
    pub fn parse(text: &'a str) -> Result<Via<'a>, ParseError> {
        match via(text) {
            Ok(("", via)) => Ok(via),
            Ok((rest, _)) => Err(Fault::new(rest, "the end of the value").at("Via", text.len())),
            Err(error) => Err(Fault::from(error).at("Via", text.len())),
        }
    }

    /// The `branch` parameter.
    #[inline]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch, if it is a transaction identifier: it starts with `z9hG4bK` and goes on (RFC 3261 section 17.2.3).
    pub fn rfc3261_branch(&self) -> Option<&'a str> {
        self.branch().filter(|branch| {
            branch.len() > COOKIE.len()
                && branch.get(..COOKIE.len()).is_some_and(|front| front.eq_ignore_ascii_case(COOKIE))
        })
    }

    /// The `received` parameter: the address the request came from. Brackets around an IPv6 address are forgiven.
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// The `rport` parameter (RFC 3581): `Some(None)` where the client asks for it, with the port once the server filled
    /// it in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|value| value.and_then(|port| port.parse().ok()))
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Host<'a>> {
        self.params.value("maddr").and_then(Host::parse)
    }

    /// The value as written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// One Via value; stops at a comma or at the end.
pub(super) fn via(input: &str) -> Out<'_, Via<'_>> {
    let start = skip_ws(input);
    let (rest, ()) = protocol(start)?;
    let (rest, transport) = token(rest)?;
    let (rest, ()) = lws(rest)?;
    let (rest, host) = grammar::host(rest)?;
    let (rest, port) = port(rest)?;
    let (rest, params) = via_params(rest)?;
    let text = trim_end(split(start, start.len().saturating_sub(rest.len())).0);
    Ok((rest, Via { transport, host, port, params, text }))
}

/// `SIP / 2.0 /`; other versions pass, so that they can be answered with 505.
#[inline]
fn protocol(input: &str) -> Out<'_, ()> {
    match input.strip_prefix("SIP/2.0/") {
        Some(rest) => Ok((rest, ())),
        None => odd_protocol(input),
    }
}

fn odd_protocol(input: &str) -> Out<'_, ()> {
    let slash = separator(b'/', "a slash");
    let (rest, ()) = slash(token(input)?.0)?;
    slash(token(rest)?.0)
}

/// `[ COLON port ]`
#[inline]
fn port(input: &str) -> Out<'_, Option<u16>> {
    let rest = skip_ws(input);
    match rest.as_bytes().first() {
        Some(b':') => grammar::port(skip_ws(split(rest, 1).1)).map(|(rest, port)| (rest, Some(port))),
        _ => Ok((input, None)),
    }
}

/// `*( SEMI via-params )`, each checked: an empty one is an error here.
#[inline]
fn via_params(input: &str) -> Out<'_, Params<'_>> {
    let start = skip_ws(input);
    let mut rest = start;
    while rest.as_bytes().first() == Some(&b';') {
        rest = skip_ws(split(rest, 1).1);
        let (name, after) = grammar::run(rest, TOKEN);
        if name.is_empty() {
            return fail(rest, "a parameter name");
        }
        rest = skip_ws(after);
        if rest.as_bytes().first() == Some(&b'=') {
            rest = skip_ws(split(rest, 1).1);
            let (_, after) = if rest.starts_with('"') {
                grammar::quoted(rest).map(|(after, value)| (value, after))?
            } else {
                grammar::value(rest)
            };
            rest = skip_ws(after);
        }
    }
    if !rest.is_empty() && rest.as_bytes().first() != Some(&b',') {
        return fail(rest, "a parameter, a comma or the end of the value");
    }
    let params = split(start, start.len().saturating_sub(rest.len())).0;
    Ok((rest, Params::of_field(trim_end(params))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_wherever_it_may_stand() {
        let via =
            Via::parse(" SIP  / 2.0  / TCP     spindle.example.com  : 5070 ; branch  =   z9hG4bK9ikj8  ").unwrap();
        assert_eq!((via.transport, via.host, via.port), ("TCP", Host::Name("spindle.example.com"), Some(5070)));
        assert_eq!(via.branch(), Some("z9hG4bK9ikj8"));
        assert_eq!(via.as_str(), "SIP  / 2.0  / TCP     spindle.example.com  : 5070 ; branch  =   z9hG4bK9ikj8");
    }

    #[test]
    fn response_routing_parameters() {
        let via =
            Via::parse("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;rport=5070;branch=z9hG4bK1").unwrap();
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
        assert_eq!(via.rport(), Some(Some(5070)));
        let via = Via::parse("SIP/2.0/UDP a;rport;received=192.0.2.1;maddr=b").unwrap();
        assert_eq!((via.rport(), via.maddr()), (Some(None), Some(Host::Name("b"))));
        assert_eq!(via.received(), Some("192.0.2.1".parse().unwrap()));
        let via = Via::parse("SIP/2.0/UDP a;received=[2001:db8::1]").unwrap();
        assert_eq!(via.received(), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(Via::parse("SIP/2.0/UDP a;received=b").unwrap().received(), None);
    }

    #[test]
    fn branches() {
        let of = |text| Via::parse(text).unwrap().rfc3261_branch();
        assert_eq!(of("SIP/2.0/UDP a;branch=z9hG4bKx"), Some("z9hG4bKx"));
        assert_eq!(of("SIP/2.0/UDP a;branch=z9hG4bK"), None);
        assert_eq!(of("SIP/2.0/UDP a;branch=1"), None);
        assert_eq!(of("SIP/2.0/UDP a"), None);
    }

    #[test]
    fn errors_say_where() {
        let of = |text| Via::parse(text).unwrap_err().to_string();
        assert_eq!(of("SIP/2.0/UDP a:none"), "Via: expected a port number at byte 14");
        assert_eq!(of("SIP/2.0/UDP a;;"), "Via: expected a parameter name at byte 14");
        assert_eq!(of("SIP/2.0/UDP a b"), "Via: expected a parameter, a comma or the end of the value at byte 14");
        assert_eq!(of("SIP/2.0/UDP"), "Via: expected white space at byte 11");
        assert_eq!(of("SIP/2.0 UDP a"), "Via: expected a slash at byte 8");
        assert_eq!(of("SIP/2.0/UDP ;x"), "Via: expected a host at byte 12");
        assert_eq!(of("SIP/2.0/UDP a, SIP/2.0/UDP b"), "Via: expected the end of the value at byte 13");
    }
}
