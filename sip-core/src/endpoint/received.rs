//! The header fields of a request for the application.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::message::Request;

/// Every header field of a request, in order: names and values as text, looked into when somebody asks.
#[derive(Clone)]
pub struct Headers {
    request: Arc<Request>,
    fields: OnceLock<Vec<(String, String)>>,
}

impl Headers {
    pub(super) fn of(request: Arc<Request>) -> Headers {
        Headers { request, fields: OnceLock::new() }
    }

    /// The same as a list of its own.
    pub fn into_vec(self) -> Vec<(String, String)> {
        self.fields.into_inner().unwrap_or_else(|| headers_of(&self.request))
    }
}

impl Deref for Headers {
    type Target = [(String, String)];

    fn deref(&self) -> &[(String, String)] {
        self.fields.get_or_init(|| headers_of(&self.request))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a (String, String);
    type IntoIter = std::slice::Iter<'a, (String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Every header field as text; bytes that are no UTF-8 are replaced.
pub(super) fn headers_of(request: &Request) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).trim().to_owned(),
    };
    let mut headers = Vec::with_capacity(request.iter().count());
    headers.extend(request.iter().map(|(name, value)| (text(name), text(value))));
    headers
}
