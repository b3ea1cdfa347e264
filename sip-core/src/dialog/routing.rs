//! Where a request within a dialog goes (RFC 3261 12.2.1.1).

use std::borrow::Cow;

use crate::message::{NameAddrRef, Uri, UriRef};

/// The Request-URI and the Route values of a request, and the URI of the next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop<'a> {
    /// The Request-URI, without what may not stand there: headers and a method (19.1.1, table 1).
    pub request_uri: Cow<'a, str>,
    /// Route values in order.
    pub routes: Vec<&'a str>,
    /// The URI the request is sent to.
    pub next: &'a str,
    /// The last Route value, where a strict router made the remote target move there.
    pub appended: Option<&'a str>,
}

/// Applies a route set to a remote target: a loose router (`;lr`) first leaves the Request-URI alone, a strict router
/// takes its place and the target goes to the end of the Route values.
pub fn route<'a>(target: &'a str, route_set: &'a [Box<str>]) -> NextHop<'a> {
    let Some((first, rest)) = route_set.split_first() else {
        return NextHop { request_uri: allowed(target), routes: Vec::new(), next: target, appended: None };
    };
    let first_uri = NameAddrRef::parse(first).map_or(&**first, |value| value.uri_text());
    if is_loose(first_uri) {
        let routes = route_set.iter().map(AsRef::as_ref).collect();
        return NextHop { request_uri: allowed(target), routes, next: first_uri, appended: None };
    }
    let routes = rest.iter().map(AsRef::as_ref).collect();
    NextHop { request_uri: allowed(first_uri), routes, next: first_uri, appended: Some(target) }
}

fn allowed(uri: &str) -> Cow<'_, str> {
    // Seldom there is anything to leave out.
    if !uri.contains(['?', '=']) {
        return uri.into();
    }
    Uri::parse(uri).map_or(uri.into(), |uri| uri.request_uri().as_str().to_owned().into())
}

fn is_loose(uri: &str) -> bool {
    match UriRef::parse(uri) {
        Ok(UriRef::Sip(sip)) => sip.is_loose_router(),
        // What cannot be read here is left to those who can: strict routers are a thing of the past.
        _ => true,
    }
}
