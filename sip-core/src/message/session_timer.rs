//! Session-Expires and Min-SE (RFC 4028).

use super::error::{Fault, ParseError};
use super::typed::{self, alone, fault_at, number_at};
use super::{Fields, Item, Name};
use std::fmt;

/// A Session-Expires value (RFC 4028 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// After how many seconds without a refresh the session is over.
    pub seconds: u32,
    /// Who refreshes, if that is said.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a session: seen from the transaction that says so, not from the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl SessionExpires {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// No number of seconds, or a refresher that is neither `uac` nor `uas`. The field is `Session-Expires`, the offset
    /// counts from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::{Refresher, SessionExpires};
    /// let expires = SessionExpires::parse("4000;refresher=uac")?;
    /// assert_eq!((expires.seconds, expires.refresher), (4000, Some(Refresher::Uac)));
    /// assert_eq!(expires.to_string(), "4000;refresher=uac");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &str) -> Result<SessionExpires, ParseError> {
        alone(text, Name::SessionExpires, session_expires)
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds.fmt(f)?;
        f.write_str(match self.refresher {
            None => "",
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
        })
    }
}

impl Fields {
    /// Session-Expires.
    ///
    /// # Errors
    ///
    /// Those of [`SessionExpires::parse`]; offsets count from the start of the message.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, ParseError> {
        typed::one(self, Name::SessionExpires, session_expires)
    }

    /// Min-SE: the shortest session interval somebody on the way accepts, in seconds (RFC 4028 section 5). Where there is
    /// none, 90 seconds hold.
    ///
    /// # Errors
    ///
    /// No number, or one beyond 32 bits.
    pub fn min_se(&self) -> Result<Option<u32>, ParseError> {
        self.number(Name::MinSe)
    }
}

fn session_expires(text: &str) -> Result<SessionExpires, Fault> {
    let item = Item::parse(text);
    let seconds = number_at(text, item.value)?;
    let refresher = match item.params.value("refresher") {
        None => None,
        Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
        Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
        Some(other) => return Err(fault_at(text, other, "uac or uas")),
    };
    Ok(SessionExpires { seconds, refresher })
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn values_with_and_without_a_refresher() {
        let fields = fields_of_test("x: 1800 ; Refresher=UAS ;x=y|Min-SE: 3600;lang=de");
        let expires = fields.session_expires().unwrap().unwrap();
        assert_eq!((expires.seconds, expires.refresher), (1800, Some(Refresher::Uas)));
        assert_eq!(fields.min_se(), Ok(Some(3600)));
        assert_eq!(fields_of_test("X-None: y").session_expires(), Ok(None));
        assert_eq!(SessionExpires::parse("90").unwrap().to_string(), "90");
    }

    #[test]
    fn errors_say_where() {
        let of = |text: &str| SessionExpires::parse(text).unwrap_err().to_string();
        assert_eq!(of("1800;refresher=me"), "Session-Expires: expected uac or uas at byte 15");
        assert_eq!(of("18x;refresher=uac"), "Session-Expires: expected a number at byte 0");
        assert_eq!(of(""), "Session-Expires: expected a number at byte 0");
        let error = fields_of_test("x: y;refresher=uac").session_expires().unwrap_err();
        assert_eq!(error.to_string(), "Session-Expires: expected a number at byte 19");
    }
}
