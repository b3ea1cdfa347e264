//! The header fields of a message, typed when somebody asks.

use super::address::{self, single};
use super::auth_value;
use super::error::{ErrorKind, Fault, ParseError};
use super::field_list::Values;
use super::grammar::{self, Out, find_blank};
use super::index::{self, Entry, Head, Index};
use super::lines::Lines;
use super::values::{self, CSeq, Item, RAck, Replaces};
use super::{AuthParams, Challenge, ContactValue, Credentials, Limits, Name, NameAddrRef, TokenList, Via, via};
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::ops::Range;

/// The header fields and the body: one buffer and an index into it.
///
/// Typed accessors of a field that may stand once look at the first one; [`Request::check`](super::Request::check)
/// refuses a second. Their errors name the field and count the offset from the start of the message.
#[derive(Clone)]
pub struct Fields {
    /// The head in it is UTF-8 and unfolded.
    buf: Bytes,
    index: Index,
    body: Range<usize>,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::redacted(&self.buf))
    }
}

impl Fields {
    /// Fields that stand where [`extent`] found them.
    #[inline]
    pub(super) fn found(buf: Bytes, index: Index, body: Range<usize>) -> Fields {
        Fields { buf, index, body }
    }

    /// The whole message, with what came after its body. Continuation lines have been joined (the line end became two
    /// spaces, which mean the same), and bytes of the head that are no UTF-8 became question marks.
    pub fn bytes(&self) -> &Bytes {
        &self.buf
    }

    /// The body; empty if there is none.
    pub fn body(&self) -> &[u8] {
        self.buf.get(self.body.clone()).unwrap_or(&[])
    }

    /// The body as a buffer of its own that shares the message's memory.
    pub fn body_bytes(&self) -> Bytes {
        self.buf.slice_ref(self.body())
    }

    /// Each header field in order: its name as written, its raw value. A line without a colon has an empty name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries().iter().map(|entry| (entry.name_in(&self.buf), entry.value_in(&self.buf)))
    }

    /// Raw values of the known header field, one a line.
    pub fn raw(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.lines(name).map(|entry| entry.value_in(&self.buf))
    }

    /// Whether there is such a header field.
    pub fn contains(&self, name: Name) -> bool {
        self.first(name).is_some()
    }

    /// How many lines of that header field there are.
    pub fn count(&self, name: Name) -> usize {
        self.lines(name).count()
    }

    /// The first value of the header field as text, if it is there; may be empty.
    ///
    /// # Errors
    ///
    /// None at present: heads are made UTF-8 when they are read.
    pub fn text(&self, name: Name) -> Result<Option<&str>, ParseError> {
        Ok(self.first(name).map(|entry| self.value_of(entry).0))
    }

    /// The first value of a header field by its name as text, known or not, in any case.
    pub fn named(&self, name: &str) -> Option<&str> {
        let known = Name::parse(name.as_bytes());
        self.entries().iter().find(|entry| self.is_named(entry, known, name)).map(|entry| self.value_of(entry).0)
    }

    /// All values of a header field by its name as text, one a line.
    pub fn all_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let known = Name::parse(name.as_bytes());
        self.entries().iter().filter(move |entry| self.is_named(entry, known, name)).map(|entry| self.value_of(entry).0)
    }

    /// The topmost Via value.
    ///
    /// # Errors
    ///
    /// Missing or not readable.
    pub fn via(&self) -> Result<Via<'_>, ParseError> {
        self.whole(Name::Via, via::via)
    }

    /// The topmost Via value, and what stands behind it in its line.
    pub(crate) fn via_and_rest(&self) -> Result<(Via<'_>, &str), ParseError> {
        let entry = self.first(Name::Via).ok_or(missing(Name::Via))?;
        let (text, end) = self.value_of(entry);
        match via::via(text) {
            Ok((rest, via)) => Ok((via, rest)),
            Err(error) => Err(Fault::from(error).at(Name::Via.as_str(), end)),
        }
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, ParseError>> {
        Values::new(self, Name::Via, |input, _, _| via::via(input))
    }

    /// From.
    ///
    /// # Errors
    ///
    /// Missing or not readable.
    pub fn from(&self) -> Result<NameAddrRef<'_>, ParseError> {
        self.address(Name::From).and_then(|found| found.ok_or(missing(Name::From)))
    }

    /// To.
    ///
    /// # Errors
    ///
    /// Missing or not readable.
    pub fn to(&self) -> Result<NameAddrRef<'_>, ParseError> {
        self.address(Name::To).and_then(|found| found.ok_or(missing(Name::To)))
    }

    /// Call-ID.
    ///
    /// # Errors
    ///
    /// Missing, empty, or with white space in it.
    pub fn call_id(&self) -> Result<&str, ParseError> {
        let entry = self.first(Name::CallId).ok_or(missing(Name::CallId))?;
        let (text, end) = self.value_of(entry);
        let bad = find_blank(text);
        if bad.is_none() && !text.is_empty() {
            return Ok(text);
        }
        let left = text.len().saturating_sub(bad.unwrap_or(0));
        Err(Fault { left, kind: ErrorKind::Syntax("a Call-ID") }.at(Name::CallId.as_str(), end))
    }

    /// In-Reply-To: the calls this one comes back to, by their Call-IDs.
    pub fn in_reply_to(&self) -> impl Iterator<Item = &str> {
        // A quotation mark in a Call-ID begins nothing.
        let values = self.lines(Name::InReplyTo).flat_map(|line| self.value_of(line).0.split(','));
        values.map(grammar::trim).filter(|value| !value.is_empty())
    }

    /// MIME-Version: major and minor.
    ///
    /// # Errors
    ///
    /// No two numbers with a point between them.
    pub fn mime_version(&self) -> Result<Option<(u32, u32)>, ParseError> {
        optional(self.whole(Name::MimeVersion, values::mime_version))
    }

    /// CSeq.
    ///
    /// # Errors
    ///
    /// Missing or not readable; a number beyond 32 bits is out of range.
    pub fn cseq(&self) -> Result<CSeq, ParseError> {
        self.whole(Name::CSeq, values::cseq)
    }

    /// Max-Forwards, as large as it came; the RFC allows 0 to 255.
    ///
    /// # Errors
    ///
    /// No number, or one beyond 32 bits.
    pub fn max_forwards(&self) -> Result<Option<u32>, ParseError> {
        self.number(Name::MaxForwards)
    }

    /// Expires, in seconds.
    ///
    /// # Errors
    ///
    /// No number, or one beyond 32 bits.
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        self.number(Name::Expires)
    }

    /// A header field that is, or starts with, a number: Content-Length, Min-Expires, RSeq, Flow-Timer, Min-SE …
    ///
    /// # Errors
    ///
    /// No number, or one beyond 32 bits.
    pub fn number(&self, name: Name) -> Result<Option<u32>, ParseError> {
        optional(self.whole(name, values::leading_number))
    }

    /// All Contact values, over all lines.
    pub fn contacts(&self) -> impl Iterator<Item = Result<ContactValue<'_>, ParseError>> {
        Values::new(self, Name::Contact, address::contact)
    }

    /// A header field that is one address: Refer-To, Referred-By, Reply-To …
    ///
    /// # Errors
    ///
    /// Not readable, or more than one address in the line.
    pub fn address(&self, name: Name) -> Result<Option<NameAddrRef<'_>>, ParseError> {
        let Some(entry) = self.first(name) else { return Ok(None) };
        let (text, end) = self.value_of(entry);
        single(text, name, end).map(Some)
    }

    /// Lists of addresses: Route, Record-Route, Path, Service-Route, P-Asserted-Identity, Alert-Info, Call-Info,
    /// Error-Info …, over all lines.
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Result<NameAddrRef<'_>, ParseError>> {
        Values::new(self, name, address::address)
    }

    /// Require, Supported, Allow …: all tokens over all lines.
    pub fn tokens(&self, name: Name) -> TokenList<'_> {
        TokenList::new(self, name)
    }

    /// Content-Type without its parameters, as written: `application/sdp`.
    ///
    /// # Errors
    ///
    /// A value that is no media type.
    pub fn content_type(&self) -> Result<Option<&str>, ParseError> {
        let Some(entry) = self.first(Name::ContentType) else { return Ok(None) };
        let (text, end) = self.value_of(entry);
        let value = Item::parse(text).value;
        match value.split_once('/') {
            Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() => Ok(Some(value)),
            _ => Err(Fault::new(text, "a media type").at(Name::ContentType.as_str(), end)),
        }
    }

    /// A header field of the form `value;param=…`: Event, Subscription-State, Session-Expires, Content-Type,
    /// Content-Disposition …
    pub fn item(&self, name: Name) -> Option<Item<'_>> {
        self.first(name).map(|entry| Item::parse(self.value_of(entry).0))
    }

    /// Lists of these, over all lines: Reason, Accept, Allow-Events …
    pub fn items(&self, name: Name) -> impl Iterator<Item = Item<'_>> {
        self.tokens(name).map(Item::parse)
    }

    /// RAck (RFC 3262).
    ///
    /// # Errors
    ///
    /// Missing or not readable.
    pub fn rack(&self) -> Result<RAck, ParseError> {
        self.whole(Name::RAck, values::rack)
    }

    /// Replaces, Join or Target-Dialog.
    ///
    /// # Errors
    ///
    /// The Call-ID or one of the tags is missing in it.
    pub fn replaces(&self, name: Name) -> Result<Option<Replaces<'_>>, ParseError> {
        let Some(entry) = self.first(name) else { return Ok(None) };
        let (text, end) = self.value_of(entry);
        Replaces::parse_in(text, name, end).map(Some)
    }

    /// WWW-Authenticate or Proxy-Authenticate: all challenges over all lines.
    pub fn challenges(&self, name: Name) -> impl Iterator<Item = Result<Challenge<'_>, ParseError>> {
        Values::new(self, name, |input, _, _| auth_value::challenge(input))
    }

    /// Authorization or Proxy-Authorization: all credentials over all lines.
    pub fn credentials(&self, name: Name) -> impl Iterator<Item = Result<Credentials<'_>, ParseError>> {
        self.challenges(name)
    }

    /// Authentication-Info or Proxy-Authentication-Info.
    pub fn auth_info(&self, name: Name) -> Option<AuthParams<'_>> {
        self.first(name).map(|entry| AuthParams::new(self.value_of(entry).0))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        self.index.entries()
    }

    /// The value as text, and where it ends in the message.
    #[inline]
    pub(super) fn value_of(&self, entry: &Entry) -> (&str, usize) {
        let range = entry.value_range(&self.buf);
        let end = range.end;
        (self.text_in(range), end)
    }

    /// A piece of the head as text. That it is UTF-8 is known, but not to the compiler: it is looked at again, and much faster
    /// in whole words. So what stands around it is looked at with it; where that does not make a text, the piece alone is.
    #[inline]
    fn text_in(&self, range: Range<usize>) -> &str {
        const WORDS: usize = 2 * size_of::<usize>();
        let start = range.start.saturating_sub(self.buf.as_ptr().addr().wrapping_add(range.start) % WORDS);
        let end = range.end.wrapping_sub(start).next_multiple_of(WORDS).wrapping_add(start);
        let around = self.buf.get(start..end).and_then(|around| std::str::from_utf8(around).ok());
        let text = around.and_then(|text| text.get(range.start.wrapping_sub(start)..range.end.wrapping_sub(start)));
        text.unwrap_or_else(|| self.text_alone(range))
    }

    #[cold]
    fn text_alone(&self, range: Range<usize>) -> &str {
        self.buf.get(range).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or("")
    }

    /// Where a text borrowed from the message stands in it.
    pub(super) fn offset_of(&self, text: &str) -> usize {
        text.as_ptr().addr().saturating_sub(self.buf.as_ptr().addr())
    }

    pub(super) fn text_at(&self, range: &Range<u32>) -> &str {
        self.text_in(range.start as usize..range.end as usize)
    }

    /// The entries from the first of that name on.
    #[inline]
    pub(super) fn starting_with(&self, name: Name) -> &[Entry] {
        self.index.starting_with(name)
    }

    #[inline]
    pub(super) fn lines(&self, name: Name) -> impl Iterator<Item = &Entry> {
        self.starting_with(name).iter().filter(move |entry| entry.name == name)
    }

    #[inline]
    fn first(&self, name: Name) -> Option<&Entry> {
        self.starting_with(name).first()
    }

    /// Whether the field has that name, which is `known` or just text.
    fn is_named(&self, entry: &Entry, known: Name, name: &str) -> bool {
        entry.name == known && (known != Name::Other || entry.name_in(&self.buf).eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Reads the first value of a header field.
    #[inline]
    fn whole<'a, T>(&'a self, name: Name, parse: impl Fn(&'a str) -> Out<'a, T>) -> Result<T, ParseError> {
        let entry = self.first(name).ok_or(missing(name))?;
        let (text, end) = self.value_of(entry);
        match parse(text) {
            Ok((_, value)) => Ok(value),
            Err(error) => Err(Fault::from(error).at(name.as_str(), end)),
        }
    }
}

/// Finds the header fields, which start at `headers`, and the body. `lines` tells the line ends from there on, `strict` asks
/// for a Content-Length that fits.
///
/// The index is filled where it lies: it is too large to be handed around.
#[inline]
pub(super) fn extent(
    buf: &mut Bytes,
    index: &mut Index,
    lines: Lines,
    headers: usize,
    limits: &Limits,
    strict: bool,
) -> Result<Range<usize>, ParseError> {
    let head = index.scan(buf, lines, headers, limits)?;
    let body = match index.content_length(buf) {
        Ok(Some(length)) => {
            let end = head.end.saturating_add(length);
            if strict && end > buf.len() {
                return Err(ParseError::new("Content-Length", buf.len(), ErrorKind::Incomplete));
            }
            head.end..end.min(buf.len())
        }
        Err(error) if strict => return Err(error),
        _ => head.end..buf.len(),
    };
    if head.folded || !head.ascii {
        make_plain_text(buf, headers, head);
    }
    Ok(body)
}

/// Makes the head one that every reader of it can take as unfolded UTF-8. Bytes keep their places; a buffer nobody
/// shares is changed in place.
#[cold]
fn make_plain_text(buf: &mut Bytes, headers: usize, head: Head) {
    if !head.folded && buf.get(..head.end).is_some_and(|head| std::str::from_utf8(head).is_ok()) {
        return;
    }
    let taken = std::mem::take(buf);
    let mut bytes = taken.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
    if let Some(text) = bytes.get_mut(..head.end) {
        index::flatten(text, headers);
        index::repair_utf8(text);
    }
    *buf = bytes.freeze();
}

fn missing(name: Name) -> ParseError {
    ParseError::new(name.as_str(), 0, ErrorKind::Missing)
}

fn optional<T>(result: Result<T, ParseError>) -> Result<Option<T>, ParseError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Host, Message};
    use super::*;

    fn fields(text: &str) -> Fields {
        let text = format!("SIP/2.0 200 OK\r\n{}\r\n\r\n", text.replace('|', "\r\n"));
        Message::parse(Bytes::from(text), &Limits::default()).unwrap().fields().clone()
    }

    #[test]
    fn lists_in_one_line_or_many() {
        let fields = fields("Via: SIP/2.0/UDP a;x=\",\" , SIP/2.0/TCP b|v: SIP/2.0/TLS c|Route: <sip:a,b@c>, sip:d");
        let hosts: Vec<_> = fields.vias().map(|via| via.unwrap().host).collect();
        assert_eq!(hosts, [Host::Name("a"), Host::Name("b"), Host::Name("c")]);
        let routes: Vec<_> = fields.addresses(Name::Route).map(|route| route.unwrap().uri_text()).collect();
        assert_eq!(routes, ["sip:a,b@c", "sip:d"]);
        assert_eq!(fields.count(Name::Via), 2);
    }

    #[test]
    fn a_bad_contact_does_not_hide_the_others() {
        let fields = fields("Contact: <sip:a@b>, \"x\" y, <sip:c@d;x=#>|m: *|m: <sip:e@f");
        let contacts: Vec<_> = fields.contacts().collect();
        let uri = |at: usize| contacts[at].as_ref().unwrap().address().map(|address| address.uri_text());
        assert_eq!((uri(0), uri(2), uri(3)), (Some("sip:a@b"), Some("sip:c@d;x=#"), None));
        let error = contacts[1].as_ref().unwrap_err().to_string();
        assert_eq!(error, "Contact: expected an opening angle bracket at byte 40");
        assert!(contacts[4].is_err() && contacts.len() == 5);
    }

    #[test]
    fn offsets_count_from_the_start_of_the_message() {
        let fields = fields("Via: SIP/2.0/UDP a:none|To: x < sip:a b>|CSeq: x|Expires: 99999999999");
        assert_eq!(fields.via().unwrap_err().to_string(), "Via: expected a port number at byte 35");
        assert_eq!(fields.to().unwrap().uri().unwrap_err().to_string(), "To: expected a URI character at byte 54");
        assert_eq!(fields.cseq().unwrap_err().to_string(), "CSeq: expected a number at byte 65");
        assert_eq!(fields.expires().unwrap_err().to_string(), "Expires: number out of range at byte 77");
        assert_eq!(fields.from().unwrap_err().to_string(), "From is missing");
    }

    #[test]
    fn tokens_over_all_lines() {
        let fields = fields("Supported: 100rel,  timer |k: |k: Replaces,,|Accept: application/sdp;a=\",\", text/plain");
        assert_eq!(fields.tokens(Name::Supported).collect::<Vec<_>>(), ["100rel", "timer", "Replaces"]);
        assert!(fields.tokens(Name::Supported).contains("replaces"));
        assert!(fields.items(Name::Accept).any(|item| item.is("Text/Plain")));
        assert_eq!(fields.tokens(Name::Require).next(), None);
    }

    #[test]
    fn fields_by_text() {
        let fields = fields("X-Mine: 1|x-mine: 2|f: <sip:a@b>|Subject:");
        assert_eq!(fields.named("X-MINE"), Some("1"));
        assert_eq!(fields.all_named("x-Mine").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.named("from"), Some("<sip:a@b>"));
        assert_eq!(fields.text(Name::Subject), Ok(Some("")));
        assert_eq!(fields.named("none"), None);
        assert_eq!(fields.iter().next(), Some((&b"X-Mine"[..], &b"1"[..])));
    }

    #[test]
    fn media_types() {
        let with = fields("Content-Type: multipart/mixed ;boundary=\"a;b\"");
        assert_eq!(with.content_type(), Ok(Some("multipart/mixed")));
        assert_eq!(with.item(Name::ContentType).unwrap().params.value("boundary"), Some("a;b"));
        assert!(fields("c: sdp").content_type().is_err());
        assert_eq!(fields("X: y").content_type(), Ok(None));
    }

    #[test]
    fn call_ids() {
        let intmeth = "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{";
        assert_eq!(fields(&format!("i: {intmeth}")).call_id(), Ok(intmeth));
        assert_eq!(fields("i: a b").call_id().unwrap_err().to_string(), "Call-ID: expected a Call-ID at byte 20");
        assert!(fields("i:").call_id().is_err());
    }

    #[test]
    fn challenges_over_all_lines() {
        let fields =
            fields("WWW-Authenticate: Digest realm=\"a\", nonce=b, Digest realm=c|WWW-Authenticate: Bearer x=y");
        let realms: Vec<_> =
            fields.challenges(Name::WwwAuthenticate).map(|found| found.unwrap().param("realm")).collect();
        assert_eq!(realms, [Some("a".into()), Some("c".into()), None]);
    }
}
