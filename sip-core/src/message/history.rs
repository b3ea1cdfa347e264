//! Where a call was meant to go before it came here: History-Info (RFC 7044) and Diversion (RFC 5806).

use super::error::{Fault, ParseError};
use super::grammar::{self, Out};
use super::typed::{self, fault_at, number_param};
use super::{Fields, Name, NameAddrRef, Privacy, ReasonRef, UriRef, address};
use std::borrow::Cow;

/// One History-Info entry (RFC 7044 section 5): a target the request had.
#[derive(Clone, Copy, Debug)]
pub struct HistoryEntry<'a> {
    /// The target. Its URI may carry Reason and Privacy as headers: see [`reason`](HistoryEntry::reason) and
    /// [`privacy`](HistoryEntry::privacy).
    pub target: NameAddrRef<'a>,
    /// The place in the tree of targets, as written: `1.2.1`.
    pub index: &'a str,
    /// How the target was found, and the index of the entry it was found from.
    pub found: Option<(TargetKind, &'a str)>,
}

/// How the target of a history entry was found (RFC 7044 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// `rc`: another address of the same user, such as a contact.
    RegisteredContact,
    /// `mp`: another user: the call was diverted.
    MappedToOther,
    /// `np`: the same target, unchanged.
    NoChange,
}

impl<'a> HistoryEntry<'a> {
    /// The numbers of the index. Numbers beyond 32 bits read as the largest.
    pub fn index_numbers(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.index.split('.').map(|number| grammar::decimal(number.as_bytes()).unwrap_or(u32::MAX))
    }

    /// The Reason among the headers of the URI, escapes undone: why the request did not stay there. To be read by
    /// [`ReasonRef::parse`].
    pub fn reason(&self) -> Option<Cow<'a, str>> {
        self.uri_header("Reason")
    }

    /// The cause why the request did not stay there: of the Reason in the URI, else of its `cause` parameter
    /// (RFC 4458). For SIP, a status code.
    pub fn cause(&self) -> Option<u32> {
        let of_reason = self.reason().and_then(|reason| ReasonRef::parse(&reason).ok().and_then(|reason| reason.cause));
        of_reason.or_else(|| match self.target.uri() {
            Ok(UriRef::Sip(uri)) => uri.params.value("cause").and_then(|cause| grammar::decimal(cause.as_bytes())),
            _ => None,
        })
    }

    /// What is asked to be kept private of this entry.
    pub fn privacy(&self) -> Privacy {
        self.uri_header("Privacy").map(|text| Privacy::parse(&text)).unwrap_or_default()
    }

    fn uri_header(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.target.uri() {
            Ok(UriRef::Sip(uri)) => {
                uri.header_fields().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// One Diversion value (RFC 5806): who diverted the call, and why.
#[derive(Clone, Copy, Debug)]
pub struct Diversion<'a> {
    /// Who diverted the call.
    pub diverter: NameAddrRef<'a>,
    /// How often the call was diverted there; 1 unless said otherwise.
    pub counter: u32,
    /// How many diversions are allowed, if that is said.
    pub limit: Option<u32>,
}

impl<'a> Diversion<'a> {
    /// `unconditional`, `user-busy`, `no-answer` …, escapes undone.
    pub fn reason(&self) -> Option<Cow<'a, str>> {
        self.diverter.params.decoded("reason")
    }

    /// Whether the diverter is not to be shown: `privacy` is there and is not `off`.
    pub fn is_private(&self) -> bool {
        self.diverter.params.value("privacy").is_some_and(|privacy| !privacy.eq_ignore_ascii_case("off"))
    }
}

impl Fields {
    /// The History-Info entries over all lines, in order.
    ///
    /// # Errors
    ///
    /// An entry without a readable address or without an index (RFC 7044 section 5), one error for each.
    pub fn history(&self) -> impl Iterator<Item = Result<HistoryEntry<'_>, ParseError>> {
        typed::list(self, Name::HistoryInfo, history_entry)
    }

    /// The Diversion values over all lines; the last diversion stands first.
    ///
    /// # Errors
    ///
    /// A value without a readable address, or with a counter or limit that is no number, one error for each.
    pub fn diversions(&self) -> impl Iterator<Item = Result<Diversion<'_>, ParseError>> {
        typed::list(self, Name::Diversion, diversion)
    }
}

fn history_entry(input: &str, name: Name, end: usize) -> Out<'_, HistoryEntry<'_>> {
    let (rest, target) = address::address(input, name, end)?;
    let Some(index) = target.params.value("index") else { return grammar::fail(rest, "an index") };
    if !is_index(index) {
        return Err(nom::Err::Error(fault_at(input, index, "an index")));
    }
    let kinds =
        [("rc", TargetKind::RegisteredContact), ("mp", TargetKind::MappedToOther), ("np", TargetKind::NoChange)];
    let found = kinds.into_iter().find_map(|(param, kind)| Some((kind, target.params.value(param)?)));
    Ok((rest, HistoryEntry { target, index, found }))
}

fn is_index(text: &str) -> bool {
    text.split('.').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn diversion(input: &str, name: Name, end: usize) -> Out<'_, Diversion<'_>> {
    let (rest, diverter) = address::address(input, name, end)?;
    let number = |param| -> Result<Option<u32>, nom::Err<Fault>> {
        number_param(input, &diverter.params, param).map_err(nom::Err::Error)
    };
    Ok((rest, Diversion { diverter, counter: number("counter")?.unwrap_or(1), limit: number("limit")? }))
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn the_example_of_rfc_7044() {
        let fields = fields_of_test(
            "History-Info: <sip:UserA@ims.example.com>;index=1;foo=bar\
             |History-Info: <sip:UserA@ims.example.com?Reason=SIP%3Bcause%3D302>;index=1.1,\
             <sip:UserB@example.com?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1.2;mp=1.1,\
             <sip:45432@192.168.0.3>;index=1.3;rc=1.2",
        );
        let entries: Vec<_> = fields.history().map(Result::unwrap).collect();
        assert_eq!(entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), ["1", "1.1", "1.2", "1.3"]);
        assert_eq!(entries.iter().map(HistoryEntry::cause).collect::<Vec<_>>(), [None, Some(302), Some(486), None]);
        assert_eq!(entries[2].found, Some((TargetKind::MappedToOther, "1.1")));
        assert_eq!(entries[3].found, Some((TargetKind::RegisteredContact, "1.2")));
        assert!(entries[2].privacy().history && !entries[1].privacy().history);
        assert_eq!(entries[2].index_numbers().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(entries[1].reason().as_deref(), Some("SIP;cause=302"));
    }

    #[test]
    fn causes_in_the_uri() {
        let fields = fields_of_test("History-Info: <sip:voicemail@a;target=sip:b%40c;cause=408>;index=1.1");
        assert_eq!(fields.history().next().unwrap().unwrap().cause(), Some(408));
    }

    #[test]
    fn bad_entries_hide_nothing() {
        let fields = fields_of_test("History-Info: <sip:a@b>, <sip:c@d>;index=1.x, x, <sip:e@f>;index=2");
        let entries: Vec<_> = fields.history().collect();
        let of = |at: usize| entries[at].as_ref().unwrap_err().to_string();
        assert_eq!(of(0), "History-Info: expected an index at byte 39");
        assert_eq!(of(1), "History-Info: expected an index at byte 57");
        assert_eq!(of(2), "History-Info: expected a URI at byte 62");
        assert_eq!(entries[3].as_ref().unwrap().index, "2");
    }

    #[test]
    fn diversions() {
        let fields = fields_of_test(
            "Diversion: <sip:+19725552222@example.com>;reason=user-busy;privacy=\"full\"\
             |Diversion: <sip:+19725551111@example.com>;reason=time-of-day;counter=2;limit=5,<sip:a@b>;counter=x",
        );
        let all: Vec<_> = fields.diversions().collect();
        let first = all[0].as_ref().unwrap();
        assert_eq!((first.reason().as_deref(), first.counter, first.limit), (Some("user-busy"), 1, None));
        assert!(first.is_private());
        let second = all[1].as_ref().unwrap();
        assert_eq!((second.counter, second.limit, second.is_private()), (2, Some(5), false));
        assert_eq!(all[2].as_ref().unwrap_err().to_string(), "Diversion: expected a number at byte 188");
    }
}
