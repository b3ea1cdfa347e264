//! Editing one section of a description, line by line; lines that are not touched stay as they are.
use super::direction::Direction;
use super::values::MediaLine;
use super::view::{Line, SectionRef};
use std::fmt::Write;

/// The order RFC 8866 9 asks for, of the session's lines and of a media description's.
const SESSION_ORDER: &str = "vosiuepcbtrzka";
const MEDIA_ORDER: &str = "micbka";

/// The session's lines, or those of one media description, editable.
///
/// Values must fit in a line: CR, LF and NUL in them become spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Complete lines with their ends.
    text: String,
}

impl Section {
    /// A media description of a single line: `m=<kind> <port> <protocol> <formats>`.
    pub fn media(kind: &str, port: u16, protocol: &str, formats: &str) -> Section {
        let mut section = Section { text: String::new() };
        section.set_media_line(&MediaLine { kind, port, port_count: None, protocol, formats });
        section
    }

    pub(super) fn of_text(text: &str) -> Section {
        let mut text = String::from(text);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(if text.ends_with('\r') { "\n" } else { "\r\n" });
        }
        Section { text }
    }

    /// To read it.
    pub fn view(&self) -> SectionRef<'_> {
        SectionRef::of(&self.text)
    }

    /// Sets the value of the first line with this letter; without one, puts a new line where RFC 8866 wants it.
    pub fn set(&mut self, kind: char, value: &str) {
        let found = self.view().first(kind).is_some();
        let order = if self.text.starts_with("m=") { MEDIA_ORDER } else { SESSION_ORDER };
        let rank = |kind: char| order.find(kind).unwrap_or(order.len());
        let mut done = false;
        self.rewrite(|line, raw, out| {
            let here = if found { line.kind == kind } else { rank(line.kind) > rank(kind) };
            if here && !done {
                done = true;
                push_line(out, kind, &[value]);
                if found {
                    return;
                }
            }
            out.push_str(raw);
        });
        if !done {
            push_line(&mut self.text, kind, &[value]);
        }
    }

    /// Adds an attribute after all lines.
    pub fn push_attribute(&mut self, name: &str, value: Option<&str>) {
        push_attribute(&mut self.text, name, value);
    }

    /// Sets an attribute: the first of this name takes the value, others of this name go; without any it is added.
    pub fn set_attribute(&mut self, name: &str, value: Option<&str>) {
        let mut done = false;
        self.rewrite(|line, raw, out| {
            if line.attribute().is_none_or(|(other, _)| other != name) {
                out.push_str(raw);
            } else if !done {
                done = true;
                push_attribute(out, name, value);
            }
        });
        if !done {
            self.push_attribute(name, value);
        }
    }

    /// Removes all attributes of this name.
    pub fn remove_attribute(&mut self, name: &str) {
        self.retain(|line| line.attribute().is_none_or(|(other, _)| other != name));
    }

    /// Keeps the lines for which the function says so.
    pub fn retain(&mut self, mut keep: impl FnMut(Line<'_>) -> bool) {
        self.rewrite(|line, raw, out| {
            if keep(line) {
                out.push_str(raw);
            }
        });
    }

    /// Sets the direction, in the place of the one that is written, if any.
    pub fn set_direction(&mut self, direction: Direction) {
        let mut done = false;
        self.rewrite(|line, raw, out| {
            let is_direction = matches!(line.attribute(), Some((name, None)) if Direction::parse(name).is_some());
            if !is_direction {
                out.push_str(raw);
            } else if !done {
                done = true;
                push_attribute(out, direction.as_str(), None);
            }
        });
        if !done {
            self.push_attribute(direction.as_str(), None);
        }
    }

    /// Sets the port of the `m=` line; nothing happens in the session's section.
    pub fn set_port(&mut self, port: u16) {
        self.edit_media_line(Some(port), None, None);
    }

    /// Sets the formats of the `m=` line, separated by spaces; nothing happens in the session's section.
    pub fn set_formats(&mut self, formats: &str) {
        self.edit_media_line(None, None, Some(formats));
    }

    /// Sets the protocol of the `m=` line; nothing happens in the session's section.
    pub fn set_protocol(&mut self, protocol: &str) {
        self.edit_media_line(None, Some(protocol), None);
    }

    fn edit_media_line(&mut self, port: Option<u16>, protocol: Option<&str>, formats: Option<&str>) {
        let Some(value) = self.view().first('m').map(String::from) else {
            return;
        };
        let Some(old) = MediaLine::parse(&value) else { return };
        self.set_media_line(&MediaLine {
            port: port.unwrap_or(old.port),
            protocol: protocol.unwrap_or(old.protocol),
            formats: formats.unwrap_or(old.formats),
            ..old
        });
    }

    fn set_media_line(&mut self, line: &MediaLine<'_>) {
        let mut value = String::with_capacity(64);
        value.push_str(line.kind);
        let _ = write!(value, " {}", line.port); // writing into a String cannot fail
        if let Some(count) = line.port_count {
            let _ = write!(value, "/{count}");
        }
        for part in [line.protocol, line.formats] {
            value.push(' ');
            value.push_str(part);
        }
        self.set('m', value.trim_end());
    }

    fn rewrite(&mut self, mut write: impl FnMut(Line<'_>, &str, &mut String)) {
        let mut out = String::with_capacity(self.text.len().saturating_add(32));
        for raw in self.text.split_inclusive('\n') {
            match Line::parse(raw) {
                Some(line) => write(line, raw, &mut out),
                None => out.push_str(raw), // an empty line
            }
        }
        self.text = out;
    }
}

fn push_attribute(out: &mut String, name: &str, value: Option<&str>) {
    match value {
        Some(value) => push_line(out, 'a', &[name, ":", value]),
        None => push_line(out, 'a', &[name]),
    }
}

fn push_line(out: &mut String, kind: char, parts: &[&str]) {
    out.push(kind);
    out.push('=');
    for part in parts {
        out.extend(part.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
    }
    out.push_str("\r\n");
}
