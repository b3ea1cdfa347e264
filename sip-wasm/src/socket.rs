//! One WebSocket (RFC 7118) and the closures that listen to it.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use js_sys::{ArrayBuffer, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// The subprotocol both sides must name (RFC 7118 4), for `ws:` and `wss:` alike.
const SUBPROTOCOL: &str = "sip";

/// What a WebSocket did.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// Open, with the subprotocol agreed.
    Open,
    /// Open, but the server does not speak SIP.
    WrongSubprotocol,
    /// It never opened; in words.
    Refused(String),
    /// One message.
    Message(Bytes),
    /// Was open, and closed: in order or not, and the reason in words.
    Closed { clean: bool, words: String },
}

/// A WebSocket; dropping it closes it and silences its listeners.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
    _on_error: Closure<dyn FnMut()>,
}

impl Socket {
    pub(crate) fn open(url: &str, listener: impl Fn(SocketEvent) + Clone + 'static) -> Result<Socket, JsValue> {
        let socket = WebSocket::new_with_str(url, SUBPROTOCOL)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let opened = Rc::new(Cell::new(false));
        let on_open = Closure::new({
            let (listener, socket, opened) = (listener.clone(), socket.clone(), opened.clone());
            move || {
                opened.set(true);
                let agreed = socket.protocol().eq_ignore_ascii_case(SUBPROTOCOL);
                listener(if agreed { SocketEvent::Open } else { SocketEvent::WrongSubprotocol });
            }
        });
        let on_message = Closure::new({
            let listener = listener.clone();
            move |event: MessageEvent| {
                if let Some(bytes) = bytes_of(&event.data()) {
                    listener(SocketEvent::Message(bytes));
                }
            }
        });
        // A browser tells nobody why.
        let mut words = String::from("no connection to ");
        words.push_str(url);
        words.push_str(": nobody there speaks WebSocket");
        // Some close a socket that never opened without a word but this one (Node 20), and some want it heard (`ws`).
        let on_error = Closure::new({
            let (listener, opened, words) = (listener.clone(), opened.clone(), words.clone());
            move || {
                if !opened.get() {
                    listener(SocketEvent::Refused(words.clone()));
                }
            }
        });
        let on_close = Closure::new(move |event: CloseEvent| {
            listener(match opened.get() {
                true => SocketEvent::Closed { clean: event.was_clean(), words: words_of(&event) },
                false => SocketEvent::Refused(words.clone()),
            });
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        socket.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Socket { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close, _on_error: on_error })
    }

    /// Sends one message, as text where it is text (RFC 7118 4.2 allows both).
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<(), JsValue> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.socket.send_with_str(text),
            Err(_) => self.socket.send_with_u8_array(bytes),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // One that never opened may fail for being closed, and for `ws` it is fatal if nobody hears that: some function that
        // does nothing.
        let harmless = Reflect::get(&js_sys::global(), &"Boolean".into()).ok();
        self.socket.set_onerror(harmless.as_ref().and_then(|found| found.dyn_ref::<Function>()));
        // Closing a socket that is closed already is no error worth telling.
        let _ = self.socket.close();
    }
}

fn bytes_of(data: &JsValue) -> Option<Bytes> {
    if let Some(text) = data.as_string() {
        return Some(Bytes::from(text));
    }
    data.dyn_ref::<ArrayBuffer>().map(|buffer| Bytes::from(Uint8Array::new(buffer).to_vec()))
}

/// A browser does not tell why a connection was lost; the close code is all there is.
fn words_of(event: &CloseEvent) -> String {
    let mut words = String::from("the WebSocket closed (code ");
    words.push_str(&event.code().to_string());
    words.push(')');
    if !event.reason().is_empty() {
        words.push_str(": ");
        words.push_str(&event.reason());
    }
    words
}
