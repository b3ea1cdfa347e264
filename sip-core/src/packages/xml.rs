//! Reading and writing XML: a thin layer over `roxmltree`, with limits, and a writer.

use super::Scope;
use crate::message::{ErrorKind, ParseError};
use roxmltree::{Document, Node, ParsingOptions};
use std::str::FromStr;

/// The longest document.
pub const MAX_BYTES: usize = 512 * 1024;
/// How many nodes (elements, texts, comments) a document may have.
pub const MAX_NODES: usize = 32 * 1024;
/// How many namespace declarations: resolving them takes more than linear time.
const MAX_NAMESPACES: usize = 64;
/// How many quotation marks between two `<`: two for each attribute, which are compared with each other.
const MAX_QUOTES: usize = 512;

/// An element, or a text.
pub(super) type Element<'a> = Node<'a, 'a>;

/// A document that was read.
pub(super) struct Xml<'a> {
    document: Document<'a>,
    package: &'static str,
    /// Where the document starts in the body.
    start: usize,
}

impl<'a> Xml<'a> {
    /// Reads a document whose root has that name, in whatever namespace. Errors name the package by it.
    pub(super) fn parse(body: &'a [u8], root: &'static str) -> Result<Xml<'a>, ParseError> {
        let error = |offset, kind| ParseError::new(root, offset, kind);
        if body.len() > MAX_BYTES {
            return Err(error(MAX_BYTES, ErrorKind::TooLong));
        }
        let text = std::str::from_utf8(body).map_err(|bad| error(bad.valid_up_to(), ErrorKind::NotUtf8))?;
        // White space in front of an XML declaration is not XML, but it comes.
        let document = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let start = text.len().saturating_sub(document.len());
        let many = |offset| error(start.saturating_add(offset), ErrorKind::TooMany);
        check(document).map_err(many)?;
        let options = ParsingOptions { nodes_limit: MAX_NODES as u32, ..ParsingOptions::default() };
        let read = Document::parse_with_options(document, options).map_err(|bad| match bad {
            roxmltree::Error::NodesLimitReached => many(document.len()),
            roxmltree::Error::DtdDetected => error(start, ErrorKind::Syntax("no document type declaration")),
            roxmltree::Error::NoRootNode | roxmltree::Error::UnclosedRootNode => {
                error(text.len(), ErrorKind::Incomplete)
            }
            roxmltree::Error::UnexpectedEndOfStream => error(text.len(), ErrorKind::Incomplete),
            other => {
                error(start.saturating_add(offset_of(document, other.pos())), ErrorKind::Syntax("well-formed XML"))
            }
        })?;
        let xml = Xml { document: read, package: root, start };
        if xml.root().tag_name().name() != root {
            return Err(xml.error(xml.root(), "the root element of the package"));
        }
        Ok(xml)
    }

    pub(super) fn root(&self) -> Element<'_> {
        self.document.root_element()
    }

    /// An error at an element.
    pub(super) fn error(&self, at: Element<'_>, expected: &'static str) -> ParseError {
        let offset = self.start.saturating_add(at.range().start);
        ParseError::new(self.package, offset, ErrorKind::Syntax(expected))
    }

    /// An attribute that must be there.
    pub(super) fn required<'b>(
        &self,
        element: Element<'b>,
        name: &str,
        expected: &'static str,
    ) -> Result<&'b str, ParseError> {
        element.attribute(name).ok_or_else(|| self.error(element, expected))
    }

    /// An attribute that must be there and be a number.
    pub(super) fn required_number(
        &self,
        element: Element<'_>,
        name: &str,
        expected: &'static str,
    ) -> Result<u32, ParseError> {
        number(self.required(element, name, expected)?).ok_or_else(|| self.error(element, expected))
    }

    /// The `state` of a document or of an element of a conference document; full if nothing is said.
    pub(super) fn scope(&self, element: Element<'_>) -> Result<Scope, ParseError> {
        match element.attribute("state") {
            None => Ok(Scope::Full),
            Some(text) => Scope::parse(text).ok_or_else(|| self.error(element, "full or partial")),
        }
    }
}

/// What would take the reader more than its share of time; the error is where.
fn check(text: &str) -> Result<(), usize> {
    let declarations = memchr::memmem::find_iter(text.as_bytes(), "xmlns");
    if let Some(at) = declarations.take(MAX_NAMESPACES.saturating_add(1)).skip(MAX_NAMESPACES).last() {
        return Err(at);
    }
    let mut quotes = 0_usize;
    for at in memchr::memchr3_iter(b'<', b'"', b'\'', text.as_bytes()) {
        let is_tag = text.as_bytes().get(at) == Some(&b'<');
        quotes = if is_tag { 0 } else { quotes.saturating_add(1) };
        if quotes > MAX_QUOTES {
            return Err(at);
        }
    }
    Ok(())
}

/// The byte of a row and a column, both from 1; columns count characters.
fn offset_of(text: &str, at: roxmltree::TextPos) -> usize {
    let row = usize::try_from(at.row).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(at.col).unwrap_or(usize::MAX).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(row).map(str::len).sum();
    let line = text.get(before..).unwrap_or("");
    let within = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    before.saturating_add(within)
}

/// The child elements of that name, in the namespace of their parent.
pub(super) fn children<'a>(parent: Element<'a>, name: &'static str) -> impl Iterator<Item = Element<'a>> {
    let namespace = parent.tag_name().namespace();
    parent.children().filter(move |child| {
        child.is_element() && child.tag_name().name() == name && child.tag_name().namespace() == namespace
    })
}

/// The first child element of that name, in the namespace of its parent.
pub(super) fn child<'a>(parent: Element<'a>, name: &'static str) -> Option<Element<'a>> {
    children(parent, name).next()
}

/// The text of an element, white space around it left out, comments in it passed over.
pub(super) fn text(element: Element<'_>) -> Box<str> {
    let mut texts = element.children().filter(Node::is_text).filter_map(|node| node.text());
    let first = texts.next().unwrap_or("");
    match texts.next() {
        None => first.trim().into(),
        Some(second) => texts.fold([first, second].concat(), |all, more| all + more).trim().into(),
    }
}

/// The text of the first child element of that name, unless it is empty.
pub(super) fn child_text(parent: Element<'_>, name: &'static str) -> Option<Box<str>> {
    child(parent, name).map(text).filter(|text| !text.is_empty())
}

/// An attribute, unless it is empty.
pub(super) fn attribute(element: Element<'_>, name: &str) -> Option<Box<str>> {
    element.attribute(name).filter(|value| !value.is_empty()).map(Box::from)
}

/// A number; white space around it is forgiven.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// An attribute that is a number; `None` if it is none.
pub(super) fn number_attribute<T: FromStr>(element: Element<'_>, name: &str) -> Option<T> {
    element.attribute(name).and_then(number)
}

/// A child element that is a number; `None` if it is none.
pub(super) fn child_number<T: FromStr>(parent: Element<'_>, name: &'static str) -> Option<T> {
    child(parent, name).and_then(|child| number(&text(child)))
}

/// `true` or `1`, `false` or `0`.
pub(super) fn child_bool(parent: Element<'_>, name: &'static str) -> Option<bool> {
    match &*text(child(parent, name)?) {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// An attribute to write, if it has a value.
pub(super) type Attribute<'a> = (&'a str, Option<&'a str>);

/// Writes a document.
pub(super) struct Writer {
    out: String,
}

impl Writer {
    /// Starts with the XML declaration.
    pub(super) fn new() -> Writer {
        Writer { out: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") }
    }

    /// A start tag.
    pub(super) fn open(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.out.push('>');
    }

    /// An end tag.
    pub(super) fn close(&mut self, name: &str) {
        for text in ["</", name, ">"] {
            self.out.push_str(text);
        }
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.tag(name, attributes);
        self.out.push_str("/>");
    }

    /// An element with a text in it, if there is a text.
    pub(super) fn leaf(&mut self, name: &str, attributes: &[Attribute<'_>], text: Option<&str>) {
        if let Some(text) = text {
            self.open(name, attributes);
            self.escape(text);
            self.close(name);
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn tag(&mut self, name: &str, attributes: &[Attribute<'_>]) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            if let Some(value) = value {
                for text in [" ", name, "=\""] {
                    self.out.push_str(text);
                }
                self.escape(value);
                self.out.push('"');
            }
        }
    }

    /// What XML cannot hold at all becomes U+FFFD.
    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                // Readers would take these for other white space.
                '\t' => self.out.push_str("&#9;"),
                '\n' => self.out.push_str("&#10;"),
                '\r' => self.out.push_str("&#13;"),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.out.push('\u{fffd}'),
                other => self.out.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> String {
        Xml::parse(body.as_bytes(), "a").map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(error("<a>\n<b></c></a>"), "a: expected well-formed XML at byte 7");
        assert_eq!(error("<ä/>"), "a: expected the root element of the package at byte 0");
        assert_eq!(error("\r\n <b/>"), "a: expected the root element of the package at byte 3");
        assert_eq!(error("<a>&x;</a>"), "a: expected well-formed XML at byte 3");
        assert_eq!(error("<a>"), "a: ends too early at byte 3");
        assert_eq!(error(""), "a: ends too early at byte 0");
        assert_eq!(Xml::parse(b"<a>\xff</a>", "a").map(|_| ()).unwrap_err().to_string(), "a: not UTF-8 at byte 3");
    }

    #[test]
    fn no_document_types_no_bombs() {
        let bomb = "<!DOCTYPE a [<!ENTITY l \"lol\"><!ENTITY m \"&l;&l;&l;&l;\">]><a>&m;</a>";
        assert_eq!(error(bomb), "a: expected no document type declaration at byte 0");
        assert_eq!(
            error("<!DOCTYPE a SYSTEM \"http://example.com/\"><a/>"),
            "a: expected no document type declaration at byte 0"
        );
    }

    #[test]
    fn limits() {
        let deep = ["<a>".repeat(20_000), "</a>".repeat(20_000)].concat();
        assert!(Xml::parse(deep.as_bytes(), "a").is_ok());
        assert!(error(&["<a>", &"<b/>".repeat(MAX_NODES), "</a>"].concat()).starts_with("a: too many"));
        let namespaces: String = (0..=MAX_NAMESPACES).map(|at| format!("<a xmlns:b{at}='c'>")).collect();
        assert!(error(&namespaces).starts_with("a: too many"));
        let attributes: String = (0..=MAX_QUOTES / 2).map(|at| format!(" b{at}='>'")).collect();
        assert!(error(&["<a", &attributes, "/>"].concat()).starts_with("a: too many"));
        assert_eq!(error(&" ".repeat(MAX_BYTES + 1)), "a: too long at byte 524288");
    }

    #[test]
    fn texts_with_comments_and_sections_in_them() {
        let xml = Xml::parse(b"<a> one <!-- no --><![CDATA[<two>]]>&amp; three\n</a>", "a").unwrap();
        assert_eq!(&*text(xml.root()), "one <two>& three");
        assert_eq!(&*text(Xml::parse(b"<a/>", "a").unwrap().root()), "");
    }

    #[test]
    fn elements_of_other_namespaces_are_not_ours() {
        let xml = b"<x:a xmlns:x='u:1' xmlns:y='u:2'><y:b>no</y:b><b>no</b><x:b>yes</x:b></x:a>";
        let xml = Xml::parse(xml, "a").unwrap();
        assert_eq!(child_text(xml.root(), "b").as_deref(), Some("yes"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut writer = Writer::new();
        writer.open("a", &[("x", Some("\t\"<&>'\r\n")), ("y", None)]);
        writer.leaf("b", &[], Some("a\r\n<&>]]>\0\u{7}"));
        writer.empty("c", &[]);
        writer.close("a");
        let text = writer.finish();
        let xml = Xml::parse(text.as_bytes(), "a").unwrap();
        assert_eq!(attribute(xml.root(), "x").as_deref(), Some("\t\"<&>'\r\n"));
        assert_eq!(child_text(xml.root(), "b").as_deref(), Some("a\r\n<&>]]>\u{fffd}\u{fffd}"));
        assert!(child(xml.root(), "c").is_some() && attribute(xml.root(), "y").is_none());
    }
}
