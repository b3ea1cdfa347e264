//! `application/pidf+xml` (RFC 3863): presence, with the activities of RFC 4480.
//!
//! ```
//! use offhook_core::packages::pidf::{Basic, Presence};
//! let presence = Presence::of("pres:alice@example.com", Basic::Open, Some("in the garden"));
//! let read = Presence::parse(presence.write().as_bytes())?;
//! assert_eq!((read.basic(), read.note()), (Some(Basic::Open), Some("in the garden")));
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```

use super::xml::{self, Element, Writer, Xml};
use crate::message::ParseError;

/// The media type.
pub const MEDIA_TYPE: &str = "application/pidf+xml";
const NAMESPACE: &str = "urn:ietf:params:xml:ns:pidf";
const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A document: the presence of somebody. Each one replaces the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whose presence this is.
    pub entity: Box<str>,
    /// Ways to reach them, each with its status.
    pub tuples: Vec<Tuple>,
    /// Notes about them.
    pub notes: Vec<Note>,
    /// What they do (RFC 4480 section 3.2), names of elements: `on-the-phone`, `away`, `meeting` … Those of a tuple, as
    /// older phones send them, stand here too.
    pub activities: Vec<Box<str>>,
}

/// One way to reach somebody (section 4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuple {
    /// Names the tuple within the document; no two have the same.
    pub id: Box<str>,
    /// Open or closed, if that is said.
    pub basic: Option<Basic>,
    /// The URI to reach them at.
    pub contact: Option<Box<str>>,
    /// The preference of the contact, 0 to 1, as written.
    pub priority: Option<Box<str>>,
    /// Notes about this tuple.
    pub notes: Vec<Note>,
    /// When the status changed (RFC 3339), as written.
    pub timestamp: Option<Box<str>>,
}

/// The basic status (section 4.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basic {
    /// Ready to receive messages, or calls.
    Open,
    /// Not so.
    Closed,
}

/// A text for people (section 4.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The language, if it is said.
    pub language: Option<Box<str>>,
    /// The text.
    pub text: Box<str>,
}

impl Presence {
    /// The presence of somebody with one tuple.
    pub fn of(entity: &str, basic: Basic, note: Option<&str>) -> Presence {
        let notes = note.map(|text| Note { language: None, text: text.into() }).into_iter().collect();
        let tuple = Tuple { id: "t1".into(), basic: Some(basic), notes, ..Tuple::default() };
        Presence { entity: entity.into(), tuples: vec![tuple], ..Presence::default() }
    }

    /// Reads a document. A tuple with an extension that must be understood is left out (section 4.2.3).
    ///
    /// # Errors
    ///
    /// No XML, another root element, or a tuple without `id`. The field is `presence`.
    pub fn parse(body: &[u8]) -> Result<Presence, ParseError> {
        let xml = Xml::parse(body, "presence")?;
        let root = xml.root();
        let tuples = xml::children(root, "tuple").filter(|tuple| !has_mandatory_extension(*tuple));
        let mut activities = Vec::new();
        for element in root.descendants().filter(|element| element.tag_name().name() == "activities") {
            let known = element.children().filter(|child| child.is_element() && child.tag_name().name() != "note");
            activities.extend(known.map(|activity| Box::from(activity.tag_name().name())));
        }
        let persons = root.children().filter(|child| child.tag_name().name() == "person");
        let personal = persons.flat_map(|person| person.children()).filter(|child| child.tag_name().name() == "note");
        Ok(Presence {
            entity: xml::attribute(root, "entity").unwrap_or_default(),
            tuples: tuples.map(|element| tuple(&xml, element)).collect::<Result<_, _>>()?,
            notes: xml::children(root, "note").chain(personal).map(note).collect(),
            activities,
        })
    }

    /// Writes the document. Activities become those of a person; one that is no name of an element is left out.
    pub fn write(&self) -> String {
        let mut out = Writer::new();
        let extended = !self.activities.is_empty();
        out.open(
            "presence",
            &[
                ("xmlns", Some(NAMESPACE)),
                ("xmlns:dm", extended.then_some(DATA_MODEL)),
                ("xmlns:rpid", extended.then_some(RPID)),
                ("entity", Some(&self.entity)),
            ],
        );
        for tuple in &self.tuples {
            write_tuple(&mut out, tuple);
        }
        write_notes(&mut out, &self.notes);
        if extended {
            out.open("dm:person", &[("id", Some("person"))]);
            out.open("rpid:activities", &[]);
            for activity in self.activities.iter().filter(|activity| is_name(activity)) {
                out.empty(&["rpid:", activity].concat(), &[]);
            }
            out.close("rpid:activities");
            out.close("dm:person");
        }
        out.close("presence");
        out.finish()
    }

    /// The basic status of them: open if any tuple is, closed if all that say something are, `None` if none does.
    pub fn basic(&self) -> Option<Basic> {
        let mut said = self.tuples.iter().filter_map(|tuple| tuple.basic);
        let first = said.next()?;
        Some(if first == Basic::Closed && said.all(|basic| basic == Basic::Closed) {
            Basic::Closed
        } else {
            Basic::Open
        })
    }

    /// The first note about them, or else of a tuple.
    pub fn note(&self) -> Option<&str> {
        let mut notes = self.notes.iter().chain(self.tuples.iter().flat_map(|tuple| &tuple.notes));
        notes.next().map(|note| &*note.text)
    }

    /// Whether they do this: `on-the-phone`.
    pub fn is_doing(&self, activity: &str) -> bool {
        self.activities.iter().any(|found| &**found == activity)
    }
}

fn tuple(xml: &Xml<'_>, element: Element<'_>) -> Result<Tuple, ParseError> {
    let basic = xml::child(element, "status").and_then(|status| xml::child_text(status, "basic"));
    let contact = xml::child(element, "contact");
    Ok(Tuple {
        id: xml.required(element, "id", "an id")?.into(),
        basic: basic.and_then(|text| match &*text {
            text if text.eq_ignore_ascii_case("open") => Some(Basic::Open),
            text if text.eq_ignore_ascii_case("closed") => Some(Basic::Closed),
            _ => None,
        }),
        contact: contact.map(xml::text).filter(|uri| !uri.is_empty()),
        priority: contact.and_then(|contact| xml::attribute(contact, "priority")),
        notes: xml::children(element, "note").map(note).collect(),
        timestamp: xml::child_text(element, "timestamp"),
    })
}

fn note(element: Element<'_>) -> Note {
    Note { language: element.attribute((XML, "lang")).map(Box::from), text: xml::text(element) }
}

fn has_mandatory_extension(tuple: Element<'_>) -> bool {
    let namespace = tuple.tag_name().namespace();
    tuple.descendants().any(|element| {
        element.is_element()
            && element.tag_name().namespace() != namespace
            && matches!(element.attribute("mustUnderstand"), Some("true" | "1"))
    })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn write_tuple(out: &mut Writer, tuple: &Tuple) {
    out.open("tuple", &[("id", Some(&tuple.id))]);
    out.open("status", &[]);
    let basic = tuple.basic.map(|basic| match basic {
        Basic::Open => "open",
        Basic::Closed => "closed",
    });
    out.leaf("basic", &[], basic);
    out.close("status");
    out.leaf("contact", &[("priority", tuple.priority.as_deref())], tuple.contact.as_deref());
    write_notes(out, &tuple.notes);
    out.leaf("timestamp", &[], tuple.timestamp.as_deref());
    out.close("tuple");
}

fn write_notes(out: &mut Writer, notes: &[Note]) {
    for note in notes {
        out.leaf("note", &[("xml:lang", note.language.as_deref())], Some(&note.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Presence {
        Presence::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_first_example_of_the_rfc() {
        let presence = parse(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf"
                entity="pres:someone@example.com">
              <impp:tuple id="sg89ae">
                <impp:status>
                  <impp:basic>open</impp:basic>
                </impp:status>
                <impp:contact priority="0.8">tel:+09012345678</impp:contact>
              </impp:tuple>
            </impp:presence>"#,
        );
        let tuple = &presence.tuples[0];
        assert_eq!((&*presence.entity, &*tuple.id), ("pres:someone@example.com", "sg89ae"));
        assert_eq!((tuple.basic, tuple.contact.as_deref()), (Some(Basic::Open), Some("tel:+09012345678")));
        assert_eq!(tuple.priority.as_deref(), Some("0.8"));
    }

    #[test]
    fn status_extensions_and_notes() {
        let presence = parse(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:im="urn:ietf:params:xml:ns:pidf:im"
                xmlns:myex="http://id.example.com/presence/" entity="pres:someone@example.com">
              <tuple id="bs35r9">
                <status><basic>open</basic><im:im>busy</im:im><myex:location>home</myex:location></status>
                <contact priority="0.8">im:someone@mobilecarrier.net</contact>
                <note xml:lang="en">Don't Disturb Please!</note>
                <note xml:lang="fr">Ne derangez pas, s'il vous plait</note>
                <timestamp>2001-10-27T16:49:29Z</timestamp>
              </tuple>
              <tuple id="eg92n8"><status><basic>closed</basic></status></tuple>
              <tuple id="must"><status><myex:x mustUnderstand="1"/></status></tuple>
              <note>I'll be in Tokyo next week</note>
            </presence>"#,
        );
        assert_eq!(presence.tuples.len(), 2);
        assert_eq!(presence.tuples[0].notes[1].language.as_deref(), Some("fr"));
        assert_eq!(presence.tuples[0].timestamp.as_deref(), Some("2001-10-27T16:49:29Z"));
        assert_eq!((presence.basic(), presence.note()), (Some(Basic::Open), Some("I'll be in Tokyo next week")));
        assert_eq!(parse(&presence.write()), presence);
    }

    #[test]
    fn activities_wherever_they_stand() {
        let presence = parse(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
             xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:a@b'><dm:person id='p1'><rpid:activities>\
             <rpid:note>x</rpid:note><rpid:on-the-phone/></rpid:activities><dm:note>On the phone</dm:note></dm:person>\
             <tuple id='a'><status><basic>OPEN</basic><e:activities xmlns:e='urn:x'><e:busy/></e:activities></status>\
             </tuple></presence>",
        );
        assert!(presence.is_doing("on-the-phone") && presence.is_doing("busy"));
        assert_eq!((presence.activities.len(), presence.note()), (2, Some("On the phone")));
        let read = parse(&presence.write());
        assert_eq!((&read.activities, &read.notes), (&presence.activities, &presence.notes));
    }

    #[test]
    fn statuses() {
        let of = |basics: &[&str]| {
            let tuple = |basic: &&str| format!("<tuple id='1'><status><basic>{basic}</basic></status></tuple>");
            parse(&format!("<presence>{}</presence>", basics.iter().map(tuple).collect::<String>())).basic()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["closed", "x"]), Some(Basic::Closed));
        assert_eq!(of(&["closed", "open"]), Some(Basic::Open));
    }

    #[test]
    fn errors_say_where() {
        let of = |body: &str| Presence::parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(of("<presence><tuple/></presence>"), "presence: expected an id at byte 10");
        assert_eq!(of(""), "presence: ends too early at byte 0");
    }
}
