//! A listener that serves plain HTTP/1.1 and lets SIP over WebSocket in at one path.

use std::convert::Infallible;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connection::Io;
use super::limits::Limits;
use super::websocket::{self, Origins};

/// What is read of a request's head before it is refused.
const HEAD: usize = 16 * 1024;

/// What an HTTP listener answers: SIP over WebSocket at one path, a program's own responses elsewhere.
#[derive(Clone)]
pub struct HttpService {
    path: Arc<str>,
    handler: Arc<dyn Fn(Request<()>) -> Response<Bytes> + Send + Sync>,
}

impl HttpService {
    /// WebSockets open at `path`, e.g. `/ws`; `handler` answers everything else, whatever its method. It gets no
    /// request body and must not block. Lengths, dates, and HEAD without a body are taken care of.
    pub fn new<F>(path: &str, handler: F) -> HttpService
    where
        F: Fn(Request<()>) -> Response<Bytes> + Send + Sync + 'static,
    {
        HttpService { path: path.into(), handler: Arc::new(handler) }
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Answers one connection's requests, until it ends or becomes a WebSocket.
pub(super) async fn serve(
    stream: Box<dyn Io>,
    service: &HttpService,
    origins: &Origins,
    limits: &Limits,
) -> Option<WebSocketStream<Box<dyn Io>>> {
    let upgrade: Mutex<Option<OnUpgrade>> = Mutex::new(None);
    let answer = service_fn(|mut request: Request<Incoming>| {
        let response = if request.uri().path() == &*service.path {
            let upgraded = hyper::upgrade::on(&mut request);
            let response = switch_protocols(&request.map(drop), origins);
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgraded);
            }
            response
        } else {
            (service.handler)(request.map(drop))
        };
        ready(Ok::<_, Infallible>(response.map(Full::new)))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
    let upgraded = upgrade.into_inner().unwrap_or_else(PoisonError::into_inner)?.await;
    match upgraded {
        Ok(io) => {
            let config = Some(websocket::config(limits));
            let io: Box<dyn Io> = Box::new(TokioIo::new(io));
            Some(WebSocketStream::from_raw_socket(io, Role::Server, config).await)
        }
        Err(error) => {
            tracing::debug!(%error, "no WebSocket");
            None
        }
    }
}

/// The answer that makes the connection a WebSocket, or why it does not become one.
fn switch_protocols(request: &Request<()>, origins: &Origins) -> Response<Bytes> {
    let Ok(response) = create_response(request) else {
        let mut refusal = plain(StatusCode::UPGRADE_REQUIRED, "SIP over WebSocket is spoken here\n");
        refusal.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return refusal;
    };
    match websocket::admit(request.headers(), origins) {
        Ok(subprotocol) => {
            let mut response = response.map(|()| Bytes::new());
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
            response
        }
        Err((status, words)) => plain(status, words),
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(words.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
