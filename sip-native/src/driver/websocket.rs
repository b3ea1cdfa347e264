//! What every WebSocket of this driver has in common: the subprotocol `sip` (RFC 7118 4), sizes, and who may come in.

use offhook_core::transport::{FlowError, FlowErrorKind};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{StatusCode, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest, http};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};

use super::connection::Io;
use super::limits::Limits;

/// The subprotocol of RFC 7118.
const SUBPROTOCOL: &str = "sip";

/// Which web pages may open a WebSocket to a listener. Programs that are no browser send no `Origin` and always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Pages from everywhere: right where every user proves who they are by digest.
    #[default]
    Any,
    /// Only pages served from the same host and port.
    SameHost,
    /// Only these, e.g. `https://phone.example.com`.
    Only(Vec<String>),
}

impl Origins {
    fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let origin = origin.to_str().unwrap_or("");
        match self {
            Origins::Any => true,
            Origins::Only(list) => list.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)),
            Origins::SameHost => {
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                let page = origin.parse::<Uri>().ok();
                let page = page.as_ref().and_then(|page| page.authority()).map(|authority| authority.as_str());
                host.zip(page).is_some_and(|(host, page)| host.eq_ignore_ascii_case(page))
            }
        }
    }
}

pub(super) fn config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message))
}

/// Opens the client's side on a connected stream.
pub(super) async fn connect<S: Io>(io: S, url: &str, limits: &Limits) -> Result<WebSocketStream<S>, FlowError> {
    let mut request = url.into_client_request().map_err(handshake_error)?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let (socket, response) =
        client_async_with_config(request, io, Some(config(limits))).await.map_err(handshake_error)?;
    match response.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        Some(agreed) if agreed.as_bytes().eq_ignore_ascii_case(SUBPROTOCOL.as_bytes()) => Ok(socket),
        _ => Err(FlowError::new(FlowErrorKind::Handshake, "the server did not agree to the WebSocket subprotocol sip")),
    }
}

/// Opens the server's side on an accepted stream.
pub(super) async fn accept<S: Io>(io: S, origins: &Origins, limits: &Limits) -> Result<WebSocketStream<S>, Error> {
    // The size of the error is tungstenite's choice.
    #[allow(clippy::result_large_err)]
    let check = |request: &Request, mut response: Response| match admit(request.headers(), origins) {
        Ok(subprotocol) => {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
            Ok(response)
        }
        Err((status, words)) => {
            let mut refusal = ErrorResponse::new(Some(words.to_owned()));
            *refusal.status_mut() = status;
            Err(refusal)
        }
    };
    accept_hdr_async_with_config(io, check, Some(config(limits))).await
}

/// Whether a client that asks with these headers may come in; the subprotocol to answer with, or the refusal.
pub(super) fn admit(headers: &HeaderMap, origins: &Origins) -> Result<HeaderValue, (StatusCode, &'static str)> {
    if !origins.allow(headers) {
        return Err((StatusCode::FORBIDDEN, "this page may not connect here\n"));
    }
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .find(|name| name.eq_ignore_ascii_case(SUBPROTOCOL))
        .and_then(|name| HeaderValue::from_str(name).ok())
        .ok_or((StatusCode::BAD_REQUEST, "only the WebSocket subprotocol sip is spoken here\n"))
}

fn handshake_error(error: Error) -> FlowError {
    let words = match &error {
        Error::Http(response) => format!("the server answered {} instead of a WebSocket", status(response.status())),
        _ => error.to_string(),
    };
    FlowError::new(FlowErrorKind::Handshake, &words)
}

fn status(status: http::StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_subprotocol_is_found_in_any_list() {
        let agreed = admit(&headers(&[("sec-websocket-protocol", "chat, sip")]), &Origins::Any);
        assert_eq!(agreed, Ok(HeaderValue::from_static("sip")));
        let lines = [("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", "SIP")];
        assert_eq!(admit(&headers(&lines), &Origins::Any), Ok(HeaderValue::from_static("SIP")));
        for wrong in [&headers(&[]), &headers(&[("sec-websocket-protocol", "sips, xsip")])] {
            assert_eq!(admit(wrong, &Origins::Any).unwrap_err().0, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn origins_are_held_to_what_is_allowed() {
        let page = headers(&[("host", "localhost:8080"), ("origin", "http://localhost:8080")]);
        let other = headers(&[("host", "localhost:8080"), ("origin", "http://evil.example")]);
        let only = Origins::Only(vec!["http://evil.example".to_owned()]);
        assert!(Origins::SameHost.allow(&page) && !Origins::SameHost.allow(&other));
        assert!(!only.allow(&page) && only.allow(&other));
        assert!(Origins::SameHost.allow(&headers(&[("host", "localhost:8080")])));
        assert!(!Origins::SameHost.allow(&headers(&[("host", "localhost:8080"), ("origin", "null")])));
    }
}
