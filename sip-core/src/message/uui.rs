//! User-to-User (RFC 7433): what the applications at both ends have to say to each other.

use super::error::{Fault, ParseError};
use super::params::strip_quotes;
use super::typed::{self, element};
use super::{Fields, Item, Name, Params, escape, grammar};
use std::borrow::Cow;

/// One User-to-User value: `56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar`.
#[derive(Clone, Copy, Debug)]
pub struct UserToUser<'a> {
    /// The data as written, without quotation marks.
    pub data: &'a str,
    /// `purpose`, `content`, `encoding` and others.
    pub params: Params<'a>,
}

impl<'a> UserToUser<'a> {
    /// The package; ISDN data if there is none (RFC 7433 section 4).
    pub fn purpose(&self) -> Option<&'a str> {
        self.params.value("purpose")
    }

    /// The octets: hexadecimal digits decoded where `encoding=hex` says so, else the text with its escapes undone.
    /// `None` if the digits are none.
    pub fn octets(&self) -> Option<Cow<'a, [u8]>> {
        if self.params.value("encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("hex")) {
            return from_hex(self.data).map(Cow::Owned);
        }
        Some(match escape::unquote_inner(self.data) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

impl Fields {
    /// The User-to-User values over all lines.
    ///
    /// # Errors
    ///
    /// A value that is neither a token nor a quoted string, one error for each.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use offhook_core::message::{Limits, Message};
    /// let message = "SIP/2.0 200 OK\r\nUser-to-User: 486921;encoding=hex;purpose=foo\r\n\r\n";
    /// let message = Message::parse(Bytes::from(message), &Limits::default())?;
    /// let uui = message.fields().user_to_user().next().unwrap()?;
    /// assert_eq!((uui.purpose(), uui.octets().as_deref()), (Some("foo"), Some(&b"Hi!"[..])));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn user_to_user(&self) -> impl Iterator<Item = Result<UserToUser<'_>, ParseError>> {
        typed::list(self, Name::UserToUser, |input, _, _| element(input, user_to_user))
    }
}

fn user_to_user(text: &str) -> Result<UserToUser<'_>, Fault> {
    let item = Item::parse(text);
    let is_quoted = matches!(grammar::quoted(item.value), Ok(("", _)));
    if !is_quoted && !grammar::is_token(item.value.as_bytes()) {
        return Err(Fault::new(text, "a token or a quoted string"));
    }
    Ok(UserToUser { data: strip_quotes(item.value), params: item.params })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;

    #[test]
    fn tokens_and_quoted_strings() {
        let fields = fields_of_test(
            "User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar\
             |User-to-User: \"a, \\\"b\\\"\";purpose=x, a b, 5;encoding=hex",
        );
        let all: Vec<_> = fields.user_to_user().collect();
        let first = all[0].as_ref().unwrap();
        assert_eq!(first.octets().unwrap()[..3], [0x56, 0xa3, 0x90]);
        assert_eq!((first.purpose(), first.params.value("content")), (Some("foo"), Some("bar")));
        assert_eq!(all[1].as_ref().unwrap().octets().as_deref(), Some(&b"a, \"b\""[..]));
        let error = all[2].as_ref().unwrap_err().to_string();
        assert_eq!(error, "User-to-User: expected a token or a quoted string at byte 125");
        assert_eq!(all[3].as_ref().unwrap().octets(), None);
    }
}
