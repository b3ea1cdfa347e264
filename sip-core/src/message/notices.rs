//! Small notices beside a call: Alert-Info, Call-Info and Error-Info (RFC 3261 sections 20.4, 20.9, 20.18), Warning
//! (section 20.43), Priority (section 20.26), and the ways a caller asks for an automatic answer.

use super::error::{Fault, ParseError};
use super::grammar::{self, lws, quoted, skip_ws, split};
use super::params::strip_quotes;
use super::typed::{self, alone, element, fault_at, number_at};
use super::{Fields, Item, Name, escape};
use std::borrow::Cow;
use std::fmt;

/// One Warning value: `307 isi.edu "Session parameter 'foo' not understood"`.
#[derive(Clone, Copy, Debug)]
pub struct WarningRef<'a> {
    /// The code, 300 to 399.
    pub code: u16,
    /// Who warns: a host with or without a port, or a pseudonym.
    pub agent: &'a str,
    text: &'a str,
}

impl<'a> WarningRef<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// No code of three digits, no agent, or no quoted text. The field is `Warning`, the offset counts from the start of
    /// the text.
    ///
    /// ```
    /// use offhook_core::message::WarningRef;
    /// let warning = WarningRef::parse("301 isi.edu \"Incompatible network address type 'E.164'\"")?;
    /// assert_eq!((warning.code, warning.agent), (301, "isi.edu"));
    /// assert_eq!(warning.text(), "Incompatible network address type 'E.164'");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<WarningRef<'a>, ParseError> {
        alone(text, Name::Warning, warning)
    }

    /// The words for people, escapes undone.
    pub fn text(&self) -> Cow<'a, str> {
        escape::unquote_inner(self.text)
    }
}

impl fmt::Display for WarningRef<'_> {
    /// The value as it stands in a header field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        for text in [" ", self.agent, " \"", self.text, "\""] {
            f.write_str(text)?;
        }
        Ok(())
    }
}

/// How urgent a request is to whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Priority<'a> {
    /// Life, limb or property are in danger.
    Emergency,
    /// More than usual.
    Urgent,
    /// As without the header field.
    Normal,
    /// Less than usual.
    NonUrgent,
    /// Any other, as written.
    Other(&'a str),
}

impl<'a> Priority<'a> {
    /// Reads a value; there is nothing it refuses.
    pub fn parse(text: &'a str) -> Priority<'a> {
        let text = grammar::trim(text);
        let known = [Priority::Emergency, Priority::Urgent, Priority::Normal, Priority::NonUrgent];
        known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)).unwrap_or(Priority::Other(text))
    }

    /// As it stands in a header field.
    pub fn as_str(&self) -> &'a str {
        match self {
            Priority::Emergency => "emergency",
            Priority::Urgent => "urgent",
            Priority::Normal => "normal",
            Priority::NonUrgent => "non-urgent",
            Priority::Other(text) => text,
        }
    }
}

impl Fields {
    /// Priority.
    pub fn priority(&self) -> Option<Priority<'_>> {
        self.text(Name::Priority).ok().flatten().map(Priority::parse)
    }

    /// The Warning values over all lines.
    ///
    /// # Errors
    ///
    /// Those of [`WarningRef::parse`], one for each bad value; offsets count from the start of the message.
    pub fn warnings(&self) -> impl Iterator<Item = Result<WarningRef<'_>, ParseError>> {
        typed::list(self, Name::Warning, |input, _, _| element(input, warning))
    }

    /// After how many seconds the caller wants the call to be answered without the user, if it asks for that: Answer-Mode
    /// or Priv-Answer-Mode `Auto` (RFC 5373), `answer-after` in Call-Info or Alert-Info, or one of the ring tones that
    /// phones take for it (`info=alert-autoanswer`, `Ring Answer`, `Auto Answer`).
    ///
    /// Whether to do so is a question of trust: a microphone goes on.
    pub fn auto_answer(&self) -> Option<u32> {
        let is_auto = |name| self.item(name).is_some_and(|item| item.is("Auto"));
        if is_auto(Name::AnswerMode) || is_auto(Name::PrivAnswerMode) {
            return Some(0);
        }
        let infos = || self.items(Name::CallInfo).chain(self.items(Name::AlertInfo));
        infos().find_map(|info| answer_after(&info)).or_else(|| infos().any(|info| is_ring_answer(&info)).then_some(0))
    }
}

fn answer_after(info: &Item<'_>) -> Option<u32> {
    // Without angle brackets the parameter belongs to the value; some write nothing else.
    let bare = info.value.strip_prefix("answer-after=");
    grammar::decimal(info.params.value("answer-after").or(bare)?.as_bytes())
}

fn is_ring_answer(info: &Item<'_>) -> bool {
    let is_one = |text: &str| {
        let letters = || text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        ["alertautoanswer", "ringanswer", "autoanswer", "infoalertautoanswer"]
            .into_iter()
            .any(|known| letters().eq(known.bytes()))
    };
    is_one(info.value) || info.params.value("info").is_some_and(is_one)
}

/// `warn-code SP warn-agent SP warn-text`.
fn warning(text: &str) -> Result<WarningRef<'_>, Fault> {
    let (code, rest) = grammar::run(text, grammar::DIGIT);
    let number = number_at(text, code)?;
    let code = match u16::try_from(number) {
        Ok(code @ 100..=999) => code,
        _ => return Err(fault_at(text, code, "a code of three digits")),
    };
    let (rest, ()) = lws(rest)?;
    let agent_end = rest.bytes().position(|byte| byte == b'"' || grammar::is_ws(byte)).unwrap_or(rest.len());
    let (agent, rest) = split(rest, agent_end);
    if agent.is_empty() {
        return Err(Fault::new(rest, "a warning agent"));
    }
    let (rest, words) = quoted(skip_ws(rest))?;
    if !skip_ws(rest).is_empty() {
        return Err(Fault::new(rest, "the end of the value"));
    }
    Ok(WarningRef { code, agent, text: strip_quotes(words) })
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn warnings_over_all_lines() {
        let fields = fields_of_test(
            "Warning: 307 isi.edu \"Session parameter 'foo' not understood\", 399 [::1]:5060 \"a, \\\"b\\\"\"\
             |Warning: 370 devnull \"Choose a bigger pipe\"",
        );
        let warnings: Vec<_> = fields.warnings().map(Result::unwrap).collect();
        assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [307, 399, 370]);
        assert_eq!((warnings[1].agent, &*warnings[1].text()), ("[::1]:5060", "a, \"b\""));
        for warning in warnings {
            let printed = warning.to_string();
            assert_eq!(WarningRef::parse(&printed).unwrap().text(), warning.text());
        }
    }

    #[test]
    fn priorities() {
        let of = |text: &str| fields_of_test(text).priority().map(|priority| priority.as_str().to_owned());
        assert_eq!(fields_of_test("Priority: Non-Urgent").priority(), Some(Priority::NonUrgent));
        assert_eq!(fields_of_test("Priority: emergency").priority(), Some(Priority::Emergency));
        assert_eq!(of("Priority: psap-callback").as_deref(), Some("psap-callback"));
        assert_eq!(of("X: y"), None);
    }

    #[test]
    fn errors_say_where() {
        let of = |text: &str| WarningRef::parse(text).unwrap_err().to_string();
        assert_eq!(of("x isi.edu \"a\""), "Warning: expected a number at byte 0");
        assert_eq!(of("3070 isi.edu \"a\""), "Warning: expected a code of three digits at byte 0");
        assert_eq!(of("307"), "Warning: expected white space at byte 3");
        assert_eq!(of("307 \"a\""), "Warning: expected a warning agent at byte 4");
        assert_eq!(of("307 isi.edu a"), "Warning: expected a quotation mark at byte 12");
        assert_eq!(of("307 isi.edu \"a\" b"), "Warning: expected the end of the value at byte 15");
    }

    #[test]
    fn infos_are_addresses_with_parameters() {
        let fields = fields_of_test(
            "Call-Info: <http://www.example.com/alice/photo.jpg> ;purpose=icon,\
             <http://www.example.com/alice/> ;purpose=info|Alert-Info: <http://www.example.com/sounds/moo.wav>",
        );
        let purposes: Vec<_> =
            fields.addresses(Name::CallInfo).map(|info| info.unwrap().params.value("purpose")).collect();
        assert_eq!(purposes, [Some("icon"), Some("info")]);
        let alert = fields.addresses(Name::AlertInfo).next().unwrap().unwrap();
        assert_eq!(alert.uri_text(), "http://www.example.com/sounds/moo.wav");
        assert_eq!(fields.auto_answer(), None);
    }

    #[test]
    fn the_ways_to_ask_for_an_answer() {
        let of = |text: &str| fields_of_test(text).auto_answer();
        assert_eq!(of("Call-Info: <sip:example.com>;answer-after=2"), Some(2));
        assert_eq!(of("Call-Info: answer-after=0"), Some(0));
        assert_eq!(of("Alert-Info: <http://example.com>;info=alert-autoanswer;delay=0"), Some(0));
        assert_eq!(of("Alert-Info: info=alert-autoanswer"), Some(0));
        assert_eq!(of("Alert-Info: Ring Answer"), Some(0));
        assert_eq!(of("Alert-Info: Auto Answer"), Some(0));
        assert_eq!(of("Answer-Mode: Auto;require"), Some(0));
        assert_eq!(of("Answer-Mode: Manual"), None);
        assert_eq!(of("Alert-Info: <urn:alert:source:external>"), None);
    }
}
