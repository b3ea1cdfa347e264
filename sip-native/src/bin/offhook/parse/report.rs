//! What a message says and what is wrong with it, ready to be printed.

use std::fmt;

use bytes::Bytes;
use offhook::core::message::{ErrorKind, Fields, Limits, Message, ParseError, Rejection, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::body::Body;
use super::headers;

/// Everything there is to tell of a message that could be taken apart.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    #[serde(flatten)]
    start: StartLine,
    headers: Vec<Header>,
    body: Option<Body>,
    /// Bytes after the body, which a datagram's reader drops (RFC 3261 18.3).
    surplus: usize,
    /// How a server would refuse this request, whoever it is.
    rejection: Option<Refusal>,
    pub(super) errors: Vec<Problem>,
}

/// All there is to tell of a message that could not.
#[derive(Serialize)]
pub(super) struct Unreadable {
    pub(super) errors: [Problem; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum StartLine {
    Request { method: String, uri: Value },
    Response { status: u16, reason: String },
}

#[derive(Serialize)]
pub(super) struct Header {
    /// The name as written.
    pub(super) name: String,
    /// The value with continuation lines joined.
    pub(super) value: String,
    /// What a known header field's values mean, one element a value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parsed: Vec<Value>,
}

#[derive(Serialize)]
struct Refusal {
    status: u16,
    reason: String,
}

/// Something wrong in the message, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// The header field, `start line`, `Request-URI`, `body` …
    field: String,
    message: String,
    #[serde(flatten)]
    place: Option<Place>,
}

/// A byte of the input: counted from 0, and as people count lines and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Place {
    offset: usize,
    line: usize,
    column: usize,
}

impl Report {
    /// Reads a message; the error is what made it unreadable.
    pub(super) fn read(input: &Bytes, limits: &Limits) -> Result<Report, Problem> {
        let message = Message::parse(input.clone(), limits).map_err(|error| Problem::new(&error, input))?;
        let fields = message.fields();
        let mut errors = Vec::new();
        let start = StartLine::read(&message, &mut errors);
        let headers = headers::read(fields, &mut errors);
        let mut problems: Vec<_> = errors.iter().map(|error| Problem::new(error, input)).collect();
        let body = Body::read(fields, input, &mut problems);
        let rejection = match &message {
            Message::Request(request) => request.check().err(),
            Message::Response(_) => None,
        };
        if problems.is_empty() {
            problems.extend(unfit(&message, rejection.as_ref(), input));
        }
        problems.sort_by_key(|problem| problem.place.map(|place| place.offset));
        // What a field says may have been asked for more than once.
        problems.dedup();
        Ok(Report {
            start,
            headers,
            body,
            surplus: fields.bytes().len().saturating_sub(place_in(fields, fields.body()) + fields.body().len()),
            rejection: rejection
                .map(|refusal| Refusal { status: refusal.status.code(), reason: refusal.reason.into_owned() }),
            errors: problems,
        })
    }
}

impl StartLine {
    fn read(message: &Message, errors: &mut Vec<ParseError>) -> StartLine {
        match message {
            Message::Request(request) => StartLine::Request {
                method: request.method().as_str().to_owned(),
                uri: headers::uri(request.uri_text(), request.uri(), errors),
            },
            Message::Response(response) => {
                StartLine::Response { status: response.status().code(), reason: response.reason().to_owned() }
            }
        }
    }
}

impl Problem {
    fn new(error: &ParseError, input: &[u8]) -> Problem {
        match error.kind() {
            ErrorKind::Missing => Problem { field: error.field().to_owned(), message: error.to_string(), place: None },
            _ => Problem::at(error.field(), error.to_string(), error.offset(), input),
        }
    }

    pub(super) fn at(field: &str, message: String, offset: usize, input: &[u8]) -> Problem {
        let before = input.get(..offset).unwrap_or(input);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let place = Place { offset, line, column: before.len() - line_start + 1 };
        Problem { field: field.to_owned(), message, place: Some(place) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.place {
            Some(place) => write!(f, " (line {}, column {})", place.line, place.column),
            None => Ok(()),
        }
    }
}

/// What is wrong with a message whose fields can all be read. A URI scheme that SIP cannot serve is a server's affair.
fn unfit(message: &Message, rejection: Option<&Rejection>, input: &[u8]) -> Option<Problem> {
    match message {
        Message::Request(_) => rejection
            .filter(|rejection| rejection.status != StatusCode::UNSUPPORTED_URI_SCHEME)
            .map(|rejection| match &rejection.error {
                Some(error) => Problem::new(error, input),
                None => Problem { field: "message".to_owned(), message: rejection.reason.to_string(), place: None },
            }),
        // More than one Via is right on the way through proxies.
        Message::Response(response) => {
            response.check().err().filter(|error| error.field() != "Via").map(|error| Problem::new(&error, input))
        }
    }
}

/// Where a part of the message starts in it.
pub(super) fn place_in(fields: &Fields, part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(fields.bytes().as_ptr() as usize)
}
