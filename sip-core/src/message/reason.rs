//! Reason (RFC 3326): why a request was sent or a call ended.

use super::error::{Fault, ParseError};
use super::escape::push_quoted;
use super::typed::{self, alone, element, number_param, token_item};
use super::{Fields, Name, Params};
use std::borrow::Cow;
use std::fmt;

/// One Reason value: `SIP;cause=200;text="Call completed elsewhere"`, `Q.850;cause=16`.
///
/// It prints as it was written.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRef<'a> {
    /// `SIP`, `Q.850`, `Preemption` …, as written.
    pub protocol: &'a str,
    /// The cause within that protocol: a status code, a Q.850 cause.
    pub cause: Option<u32>,
    /// All the parameters.
    pub params: Params<'a>,
    text: &'a str,
}

impl<'a> ReasonRef<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// No protocol, or a cause that is no number. The field is `Reason`, the offset counts from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::ReasonRef;
    /// let reason = ReasonRef::parse("Q.850 ;cause=16 ;text=\"Terminated\"")?;
    /// assert_eq!((reason.q850(), reason.text().as_deref()), (Some(16), Some("Terminated")));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<ReasonRef<'a>, ParseError> {
        alone(text, Name::Reason, reason)
    }

    /// The words for people, escapes undone.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.params.decoded("text")
    }

    /// The status code, if the protocol is SIP.
    pub fn sip(&self) -> Option<u32> {
        self.cause.filter(|_| self.protocol.eq_ignore_ascii_case("SIP"))
    }

    /// The ISUP cause, if the protocol is Q.850.
    pub fn q850(&self) -> Option<u32> {
        self.cause.filter(|_| self.protocol.eq_ignore_ascii_case("Q.850"))
    }

    /// As written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

impl fmt::Display for ReasonRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Fields {
    /// The Reason values, in one line or many (RFC 3326 section 2). There may be one for each protocol.
    ///
    /// # Errors
    ///
    /// Those of [`ReasonRef::parse`], one for each bad value; offsets count from the start of the message.
    pub fn reasons(&self) -> impl Iterator<Item = Result<ReasonRef<'_>, ParseError>> {
        typed::list(self, Name::Reason, |input, _, _| element(input, reason))
    }
}

/// Writes a Reason value, the words quoted and escaped.
///
/// ```
/// use offhook_core::message::reason_value;
/// assert_eq!(reason_value("SIP", 600, Some("Busy \"Everywhere\"")), "SIP;cause=600;text=\"Busy \\\"Everywhere\\\"\"");
/// ```
pub fn reason_value(protocol: &str, cause: u32, text: Option<&str>) -> String {
    let mut value = [protocol, ";cause=", &cause.to_string()].concat();
    if let Some(text) = text {
        value.push_str(";text=");
        push_quoted(&mut value, text);
    }
    value
}

fn reason(text: &str) -> Result<ReasonRef<'_>, Fault> {
    let item = token_item(text, "a protocol")?;
    let cause = number_param(text, &item.params, "cause")?;
    Ok(ReasonRef { protocol: item.value, cause, params: item.params, text })
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let fields = fields_of_test(
            "Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"|Reason: Q.850 ;cause=16 ;text=\"Terminated\", \
             SIP ;cause=600 ;text=\"Busy Everywhere\"|Reason: SIP ;cause=580 ;text=\"Precondition Failure\"",
        );
        let reasons: Vec<_> = fields.reasons().map(Result::unwrap).collect();
        assert_eq!(reasons.iter().map(|reason| reason.cause.unwrap()).collect::<Vec<_>>(), [200, 16, 600, 580]);
        assert_eq!((reasons[0].sip(), reasons[0].q850()), (Some(200), None));
        assert_eq!((reasons[1].sip(), reasons[1].q850()), (None, Some(16)));
        assert_eq!(reasons[2].to_string(), "SIP ;cause=600 ;text=\"Busy Everywhere\"");
        assert_eq!(reasons[3].text().as_deref(), Some("Precondition Failure"));
    }

    #[test]
    fn errors_say_where_and_hide_nothing_else() {
        let fields = fields_of_test("Reason: SIP;cause=x, Q.850;cause=16 , ;cause=1, SIP;cause=99999999999");
        let found: Vec<_> = fields.reasons().map(|reason| reason.map(|reason| reason.cause)).collect();
        assert_eq!(found[1], Ok(Some(16)));
        let of = |at: usize| found[at].as_ref().unwrap_err().to_string();
        assert_eq!(of(0), "Reason: expected a number at byte 34");
        assert_eq!(of(2), "Reason: expected a protocol at byte 54");
        assert_eq!(of(3), "Reason: number out of range at byte 74");
        assert_eq!(ReasonRef::parse(" SIP;cause ").unwrap_err().to_string(), "Reason: expected a number at byte 4");
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = reason_value("Q.850", 17, Some("a, \"b\"; \\c"));
        let reason = ReasonRef::parse(&value).unwrap();
        assert_eq!((reason.q850(), reason.text().as_deref()), (Some(17), Some("a, \"b\"; \\c")));
        assert_eq!(reason_value("SIP", 487, None), "SIP;cause=487");
    }
}
