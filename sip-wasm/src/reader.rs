//! Reads single messages for whoever shows or checks them. The text is written into this module's memory and what was
//! found in it is told by its places, so that nothing but numbers crosses the boundary. `js/src/message.ts` is the other half.

use std::borrow::Cow;

use bytes::Bytes;
use offhook_core::message::{ContactValue, Fields, Limits, Message, Name, NameAddrRef, Params, ParseError, Via};
use wasm_bindgen::prelude::wasm_bindgen;

/// In the place of something that is not there.
const NOTHING: u32 = u32::MAX;
/// In the place of where something starts: it is none of the message as it came, but that of [`MessageReader::other`].
const OTHER: u32 = u32::MAX - 1;

/// One after the other: what is in a message, as the places where it stands. Numbers are themselves; what stands somewhere is
/// two numbers, where it begins and where it ends, in bytes.
#[derive(Default)]
#[wasm_bindgen]
pub struct MessageReader {
    text: Vec<u8>,
    places: Vec<u32>,
    /// Where the message is in memory, and how long it is.
    base: usize,
    length: usize,
    others: Vec<String>,
    problems: Vec<ParseError>,
}

#[wasm_bindgen]
impl MessageReader {
    /// One for any number of messages.
    #[wasm_bindgen(constructor)]
    pub fn new() -> MessageReader {
        MessageReader::default()
    }

    /// Where a message of up to that many bytes is to be written.
    pub fn room(&mut self, bytes: usize) -> *const u8 {
        if self.text.len() < bytes {
            self.text.resize(bytes, 0);
        }
        self.text.as_ptr()
    }

    /// Reads what was written, so many bytes, and tells where the places are: those of the fields with types and of the body,
    /// or those of `all` header fields by themselves.
    pub fn read(&mut self, length: usize, all: bool) -> *const u32 {
        self.places.clear();
        self.others.clear();
        self.problems.clear();
        self.places.reserve(256);
        let text = Bytes::copy_from_slice(self.text.get(..length).unwrap_or(&self.text));
        match Message::parse(text.clone(), &Limits::default()) {
            Ok(message) => self.tell(&message, &text, all),
            Err(error) => self.problems.push(error),
        }
        self.places.as_ptr()
    }

    /// How many numbers the places are; 0 if it is no message.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// A text that does not stand in the message, such as a name with its escapes undone.
    pub fn other(&self, index: usize) -> Option<String> {
        self.others.get(index).cloned()
    }

    /// The fields that could not be read.
    pub fn problem(&self, index: usize) -> Option<String> {
        self.problems.get(index).map(|error| error.field().into())
    }

    /// At which byte.
    #[wasm_bindgen(js_name = problemOffset)]
    pub fn problem_offset(&self, index: usize) -> usize {
        self.problems.get(index).map_or(0, ParseError::offset)
    }

    /// And why not, in words.
    #[wasm_bindgen(js_name = problemText)]
    pub fn problem_text(&self, index: usize) -> Option<String> {
        self.problems.get(index).map(ToString::to_string)
    }
}

impl MessageReader {
    fn tell(&mut self, message: &Message, text: &Bytes, all: bool) {
        let fields = message.fields();
        let bytes = fields.bytes();
        (self.base, self.length) = (bytes.as_ptr().addr(), bytes.len());
        // Where continuation lines were joined it is a copy that the places are in.
        let joined = bytes.as_ptr() != text.as_ptr();
        if joined {
            self.text.clear();
            self.text.extend_from_slice(bytes);
        }
        self.places.push(joined.into());
        if all {
            return self.headers(fields);
        }
        match message {
            Message::Request(request) => {
                self.places.push(0);
                // One space in front of the URI stands the method (7.1).
                let (method, uri) = (request.method().as_str(), self.start(request.uri_text().as_bytes()));
                self.places.extend([uri.saturating_sub(1 + method.len() as u32), uri.saturating_sub(1)]);
                self.part(request.uri_text());
            }
            Message::Response(response) => {
                self.places.push(response.status().code().into());
                self.part(response.reason());
            }
        }
        self.list(fields.vias(), Self::via);
        for address in [fields.from(), fields.to()] {
            let address = self.known(address);
            self.address(address.as_ref());
        }
        self.list(fields.contacts(), |reader, contact| match contact {
            ContactValue::Star => {
                reader.other_text("*".into());
                // No name, no parameters.
                reader.places.extend([NOTHING, 0]);
            }
            ContactValue::Address(address) => reader.address(Some(&address)),
        });
        let call_id = self.known(fields.call_id());
        self.place(call_id);
        match self.known(fields.cseq()) {
            Some(cseq) => {
                let text = fields.text(Name::CSeq).ok().flatten().unwrap_or_default();
                self.part(text.split_ascii_whitespace().last().unwrap_or_default());
                self.places.push(cseq.number);
            }
            None => self.places.push(NOTHING),
        }
        let forwards = self.known(fields.max_forwards()).flatten();
        let expires = self.known(fields.expires()).flatten();
        self.places.extend([forwards.unwrap_or(NOTHING), expires.unwrap_or(NOTHING)]);
        let kind = self.known(fields.content_type()).flatten();
        self.place(kind);
        self.places.push(self.problems.len() as u32);
        self.bytes(fields.body());
    }

    fn headers(&mut self, fields: &Fields) {
        let count = self.begin_list();
        for (name, value) in fields.iter() {
            self.bytes(name);
            self.bytes(value);
            self.count_on(count);
        }
    }

    fn via(&mut self, via: Via<'_>) {
        // The host as written stands between the transport and the port, or what follows.
        let start = via.transport.as_ptr().addr() + via.transport.len() - via.as_str().as_ptr().addr();
        let end = match via.params.as_str() {
            "" => via.as_str().len(),
            params => params.as_ptr().addr() - via.as_str().as_ptr().addr(),
        };
        let sent_by = via.as_str().get(start..end).unwrap_or_default().trim().trim_end_matches(';').trim_end();
        let host = match via.port {
            Some(_) => sent_by.rsplit_once(':').map_or(sent_by, |(host, _)| host.trim_end()),
            None => sent_by,
        };
        self.part(via.transport);
        self.part(host);
        self.places.push(via.port.map_or(NOTHING, Into::into));
        self.params(&via.params);
    }

    fn address(&mut self, address: Option<&NameAddrRef<'_>>) {
        let Some(address) = address else { return self.places.push(NOTHING) };
        self.part(address.uri_text());
        match address.display_name() {
            Some(Cow::Borrowed(name)) => self.part(name),
            Some(Cow::Owned(name)) => self.other_text(name),
            None => self.places.push(NOTHING),
        }
        self.params(&address.params);
    }

    fn params(&mut self, params: &Params<'_>) {
        let count = self.begin_list();
        for (name, value) in params.iter() {
            self.part(name);
            self.place(value);
            self.count_on(count);
        }
    }

    fn list<T>(&mut self, values: impl Iterator<Item = Result<T, ParseError>>, tell: impl Fn(&mut Self, T)) {
        let count = self.begin_list();
        for value in values {
            if let Some(value) = self.known(value) {
                tell(self, value);
                self.count_on(count);
            }
        }
    }

    /// A place for the length of a list.
    fn begin_list(&mut self) -> usize {
        self.places.push(0);
        self.places.len() - 1
    }

    fn count_on(&mut self, count: usize) {
        if let Some(count) = self.places.get_mut(count) {
            *count += 1;
        }
    }

    /// What could not be read is noted.
    fn known<T>(&mut self, value: Result<T, ParseError>) -> Option<T> {
        value.map_err(|error| self.problems.push(error)).ok()
    }

    fn place(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.part(text),
            None => self.places.push(NOTHING),
        }
    }

    fn part(&mut self, text: &str) {
        match self.start(text.as_bytes()) as usize <= self.length {
            true => self.bytes(text.as_bytes()),
            false => self.other_text(text.into()),
        }
    }

    fn other_text(&mut self, text: String) {
        self.places.extend([OTHER, self.others.len() as u32]);
        self.others.push(text);
    }

    /// A part of the message.
    fn bytes(&mut self, part: &[u8]) {
        let start = self.start(part);
        self.places.extend([start, start.wrapping_add(part.len() as u32)]);
    }

    fn start(&self, part: &[u8]) -> u32 {
        part.as_ptr().addr().wrapping_sub(self.base) as u32
    }
}
