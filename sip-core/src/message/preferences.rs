//! What the other side would rather have: Accept, Accept-Encoding, Accept-Language (RFC 3261 sections 20.1 to 20.3), each
//! value with its quality.

use super::error::{Fault, ParseError};
use super::typed::{self, element, fault_at};
use super::{Fields, Item, Name, Params};

/// One value of such a list: `text/html;level=1;q=0.7`.
#[derive(Clone, Copy, Debug)]
pub struct Preference<'a> {
    /// What is meant: a media type, an encoding, a language; each may be `*` or have one.
    pub value: &'a str,
    /// How much it is wanted, in thousandths: 1000 without a `q`; 0: not at all.
    pub quality: u16,
    /// All its parameters, `q` among them.
    pub params: Params<'a>,
}

impl Fields {
    /// The values of Accept, Accept-Encoding or Accept-Language over all lines, in the order they came. An empty header
    /// field has none: nothing is wanted then.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use offhook_core::message::{Limits, Message, Name};
    /// let text = "SIP/2.0 200 OK\r\nAccept-Language: da, en-gb;q=0.8, *;q=0.1\r\n\r\n";
    /// let message = Message::parse(Bytes::from(text), &Limits::default())?;
    /// let languages = message.fields().preferences(Name::AcceptLanguage).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(languages.iter().map(|found| (found.value, found.quality)).collect::<Vec<_>>(), [("da", 1000), ("en-gb", 800), ("*", 100)]);
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A `q` that is no number from 0 to 1 with at most three decimals, one for each such value.
    pub fn preferences(&self, name: Name) -> impl Iterator<Item = Result<Preference<'_>, ParseError>> {
        typed::list(self, name, |input, _, _| element(input, preference))
    }
}

fn preference(text: &str) -> Result<Preference<'_>, Fault> {
    let Item { value, params } = Item::parse(text);
    let quality = match params.value("q") {
        None if params.contains("q") => return Err(fault_at(text, params.as_str(), "a quality from 0 to 1")),
        None => 1000,
        Some(q) => thousandths(q).ok_or_else(|| fault_at(text, q, "a quality from 0 to 1"))?,
    };
    Ok(Preference { value, quality, params })
}

/// `0`, `0.25`, `1.000`.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut rest = 0_u16;
    for place in 0..3 {
        let digit = decimals.as_bytes().get(place).map_or(0, |byte| byte.saturating_sub(b'0'));
        rest = rest.saturating_mul(10).saturating_add(digit.into());
    }
    match whole {
        "0" | "" if !text.is_empty() => Some(rest),
        "1" if rest == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn qualities() {
        let fields = fields_of_test(
            "Accept: application/sdp;level=1, application/x-private;q=0.25, text/html ;q=1.000|Accept: a/b;q=.5|\
             Accept-Encoding:",
        );
        let of = |name| {
            let all: Vec<_> = fields.preferences(name).map(Result::unwrap).collect();
            all.into_iter().map(|found| (found.value, found.quality)).collect::<Vec<_>>()
        };
        let types = [("application/sdp", 1000), ("application/x-private", 250), ("text/html", 1000), ("a/b", 500)];
        assert_eq!(of(Name::Accept), types);
        assert_eq!(of(Name::AcceptEncoding), []);
        let first = fields.preferences(Name::Accept).next().unwrap().unwrap();
        assert_eq!(first.params.value("level"), Some("1"));
    }

    #[test]
    fn a_bad_quality_is_one_value_s_affair() {
        for bad in ["2", "1.001", "0.1234", "x", "-1", "0.x", ".", "", "01"] {
            let fields = fields_of_test(&format!("Accept: a/b, c/d;q={bad}, e/f"));
            let all: Vec<_> = fields.preferences(Name::Accept).collect();
            assert!(all.len() == 3 && all[0].is_ok() && all[2].is_ok(), "{bad}");
            if bad != "." {
                let error = all[1].as_ref().unwrap_err();
                assert_eq!((error.field(), error.to_string().contains("a quality from 0 to 1")), ("Accept", true));
            }
        }
    }
}
