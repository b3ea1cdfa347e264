//! `application/dialog-info+xml` (RFC 4235): who is on the phone.
//!
//! ```
//! use offhook_core::packages::dialog_info::{DialogInfo, DialogInfoState, DialogState};
//! let body = br#"<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full"
//!     entity="sip:alice@example.com"><dialog id="1"><state>early</state></dialog></dialog-info>"#;
//! let mut state = DialogInfoState::new();
//! let _ = state.apply(DialogInfo::parse(body)?);
//! assert_eq!(state.dialogs()[0].state, DialogState::Early);
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```

use super::version::Version;
use super::xml::{self, Element, Writer, Xml};
use super::{Applied, MAX_ROWS, Scope};
use crate::message::ParseError;

/// The media type.
pub const MEDIA_TYPE: &str = "application/dialog-info+xml";
const NAMESPACE: &str = "urn:ietf:params:xml:ns:dialog-info";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogInfo {
    /// Counts up by one with each document of a subscription.
    pub version: u32,
    /// Whether all dialogs are told or those that changed.
    pub scope: Scope,
    /// Whose dialogs these are; empty if that is not said.
    pub entity: Box<str>,
    /// The dialogs.
    pub dialogs: Vec<DialogEntry>,
}

/// One dialog (section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogEntry {
    /// Names the dialog within the subscription.
    pub id: Box<str>,
    /// Call-ID, if it is told; with the tags, what Replaces and Join need.
    pub call_id: Option<Box<str>>,
    /// The tag of the entity.
    pub local_tag: Option<Box<str>>,
    /// The tag of the other side.
    pub remote_tag: Option<Box<str>>,
    /// Who called.
    pub direction: Option<Direction>,
    /// The state.
    pub state: DialogState,
    /// What led to it: `cancelled`, `rejected`, `replaced`, `local-bye`, `remote-bye`, `error`, `timeout`.
    pub event: Option<Box<str>>,
    /// The status code of the response that led to it.
    pub code: Option<u16>,
    /// For how many seconds the dialog has been there.
    pub duration: Option<u64>,
    /// The dialog this one replaced: Call-ID, local tag, remote tag.
    pub replaces: Option<(Box<str>, Box<str>, Box<str>)>,
    /// Who referred to it.
    pub referred_by: Option<Address>,
    /// The route set, as in Route.
    pub route_set: Vec<Box<str>>,
    /// The entity itself.
    pub local: Participant,
    /// The other side.
    pub remote: Participant,
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The entity.
    Initiator,
    /// The other side.
    Recipient,
}

/// The states of a dialog (section 3.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogState {
    /// An INVITE was sent or came; no response with a tag yet.
    Trying,
    /// A 1xx without a tag came.
    Proceeding,
    /// A 1xx with a tag came: it rings.
    Early,
    /// Answered.
    Confirmed,
    /// Over.
    Terminated,
}

const STATES: [(&str, DialogState); 5] = [
    ("trying", DialogState::Trying),
    ("proceeding", DialogState::Proceeding),
    ("early", DialogState::Early),
    ("confirmed", DialogState::Confirmed),
    ("terminated", DialogState::Terminated),
];

/// One side of a dialog (section 4.1.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participant {
    /// Its identity.
    pub identity: Option<Address>,
    /// Its target URI.
    pub target: Option<Box<str>>,
    /// Parameters of the target, such as `+sip.rendering`: names and values.
    pub target_params: Vec<(Box<str>, Box<str>)>,
    /// Media type and text of its session description.
    pub session_description: Option<(Box<str>, Box<str>)>,
    /// Its last CSeq.
    pub cseq: Option<u32>,
}

/// A URI with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The name.
    pub display: Option<Box<str>>,
    /// The URI as written.
    pub uri: Box<str>,
}

impl DialogEntry {
    /// A dialog of which nothing is known but its name and state.
    pub fn new(id: &str, state: DialogState) -> DialogEntry {
        DialogEntry {
            id: id.into(),
            call_id: None,
            local_tag: None,
            remote_tag: None,
            direction: None,
            state,
            event: None,
            code: None,
            duration: None,
            replaces: None,
            referred_by: None,
            route_set: Vec::new(),
            local: Participant::default(),
            remote: Participant::default(),
        }
    }

    /// The value of a Replaces or Join header field for this dialog, sent to the entity: its local tag is the to-tag.
    /// `None` unless Call-ID and both tags are known.
    pub fn replaces_value(&self) -> Option<String> {
        let (call_id, local, remote) = (self.call_id.as_ref()?, self.local_tag.as_ref()?, self.remote_tag.as_ref()?);
        Some([call_id, ";to-tag=", local, ";from-tag=", remote].concat())
    }
}

impl Participant {
    /// Whether it renders media to its user (section 5.2): a call on hold says `no`. `None` if nothing is said.
    pub fn is_rendering(&self) -> Option<bool> {
        let (_, value) = self.target_params.iter().find(|(name, _)| name.eq_ignore_ascii_case("+sip.rendering"))?;
        match &**value {
            value if value.eq_ignore_ascii_case("yes") => Some(true),
            value if value.eq_ignore_ascii_case("no") => Some(false),
            _ => None,
        }
    }
}

impl DialogInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// No XML, another root element, `version` is no number, `state` is none, a dialog without `id` or with a state that
    /// is none. The field is `dialog-info`.
    pub fn parse(body: &[u8]) -> Result<DialogInfo, ParseError> {
        let xml = Xml::parse(body, "dialog-info")?;
        let root = xml.root();
        Ok(DialogInfo {
            version: xml.required_number(root, "version", "a version")?,
            scope: xml.scope(root)?,
            entity: xml::attribute(root, "entity").unwrap_or_default(),
            dialogs: xml::children(root, "dialog").map(|dialog| entry(&xml, dialog)).collect::<Result<_, _>>()?,
        })
    }

    /// Writes the document.
    pub fn write(&self) -> String {
        let mut out = Writer::new();
        out.open(
            "dialog-info",
            &[
                ("xmlns", Some(NAMESPACE)),
                ("version", Some(&self.version.to_string())),
                ("state", Some(self.scope.as_str())),
                ("entity", Some(&self.entity)),
            ],
        );
        for dialog in &self.dialogs {
            write_entry(&mut out, dialog);
        }
        out.close("dialog-info");
        out.finish()
    }
}

fn entry(xml: &Xml<'_>, dialog: Element<'_>) -> Result<DialogEntry, ParseError> {
    let id = xml.required(dialog, "id", "an id")?;
    let state_element = xml::child(dialog, "state").ok_or_else(|| xml.error(dialog, "a state"))?;
    let text = xml::text(state_element);
    let state = STATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)).map(|(_, state)| *state);
    let state = state.ok_or_else(|| xml.error(state_element, "a state of a dialog"))?;
    let replaces = xml::child(dialog, "replaces").and_then(|replaces| {
        let attribute = |name| xml::attribute(replaces, name);
        Some((attribute("call-id")?, attribute("local-tag")?, attribute("remote-tag")?))
    });
    Ok(DialogEntry {
        call_id: xml::attribute(dialog, "call-id"),
        local_tag: xml::attribute(dialog, "local-tag"),
        remote_tag: xml::attribute(dialog, "remote-tag"),
        direction: match dialog.attribute("direction") {
            Some("initiator") => Some(Direction::Initiator),
            Some("recipient") => Some(Direction::Recipient),
            _ => None,
        },
        event: xml::attribute(state_element, "event"),
        code: xml::number_attribute(state_element, "code"),
        duration: xml::child_number(dialog, "duration"),
        replaces,
        referred_by: xml::child(dialog, "referred-by").map(address),
        route_set: xml::child(dialog, "route-set")
            .map(|set| xml::children(set, "hop").map(xml::text).collect())
            .unwrap_or_default(),
        local: xml::child(dialog, "local").map(participant).unwrap_or_default(),
        remote: xml::child(dialog, "remote").map(participant).unwrap_or_default(),
        ..DialogEntry::new(id, state)
    })
}

fn participant(element: Element<'_>) -> Participant {
    let target = xml::child(element, "target");
    let params = target.into_iter().flat_map(|target| xml::children(target, "param"));
    Participant {
        identity: xml::child(element, "identity").map(address),
        target: target.and_then(|target| xml::attribute(target, "uri")),
        target_params: params
            .filter_map(|param| Some((xml::attribute(param, "pname")?, param.attribute("pval").unwrap_or("").into())))
            .collect(),
        session_description: xml::child(element, "session-description")
            .map(|session| (xml::attribute(session, "type").unwrap_or_default(), xml::text(session))),
        cseq: xml::child_number(element, "cseq"),
    }
}

/// The attribute is `display-name` in the schema, and `display` in its examples.
fn address(element: Element<'_>) -> Address {
    let display = xml::attribute(element, "display").or_else(|| xml::attribute(element, "display-name"));
    Address { display, uri: xml::text(element) }
}

fn write_entry(out: &mut Writer, dialog: &DialogEntry) {
    let direction = dialog.direction.map(|direction| match direction {
        Direction::Initiator => "initiator",
        Direction::Recipient => "recipient",
    });
    out.open(
        "dialog",
        &[
            ("id", Some(&dialog.id)),
            ("call-id", dialog.call_id.as_deref()),
            ("local-tag", dialog.local_tag.as_deref()),
            ("remote-tag", dialog.remote_tag.as_deref()),
            ("direction", direction),
        ],
    );
    let code = dialog.code.map(|code| code.to_string());
    let state = STATES.iter().find(|(_, state)| *state == dialog.state).map(|(name, _)| *name);
    out.leaf("state", &[("event", dialog.event.as_deref()), ("code", code.as_deref())], state);
    out.leaf("duration", &[], dialog.duration.map(|duration| duration.to_string()).as_deref());
    if let Some((call_id, local, remote)) = &dialog.replaces {
        out.empty("replaces", &[("call-id", Some(call_id)), ("local-tag", Some(local)), ("remote-tag", Some(remote))]);
    }
    write_address(out, "referred-by", dialog.referred_by.as_ref());
    if !dialog.route_set.is_empty() {
        out.open("route-set", &[]);
        for hop in &dialog.route_set {
            out.leaf("hop", &[], Some(hop));
        }
        out.close("route-set");
    }
    for (name, participant) in [("local", &dialog.local), ("remote", &dialog.remote)] {
        if *participant != Participant::default() {
            write_participant(out, name, participant);
        }
    }
    out.close("dialog");
}

fn write_participant(out: &mut Writer, name: &str, participant: &Participant) {
    out.open(name, &[]);
    write_address(out, "identity", participant.identity.as_ref());
    if participant.target.is_some() || !participant.target_params.is_empty() {
        out.open("target", &[("uri", Some(participant.target.as_deref().unwrap_or("")))]);
        for (name, value) in &participant.target_params {
            out.empty("param", &[("pname", Some(name)), ("pval", Some(value))]);
        }
        out.close("target");
    }
    if let Some((media_type, text)) = &participant.session_description {
        out.leaf("session-description", &[("type", Some(media_type))], Some(text));
    }
    out.leaf("cseq", &[], participant.cseq.map(|cseq| cseq.to_string()).as_deref());
    out.close(name);
}

fn write_address(out: &mut Writer, name: &str, address: Option<&Address>) {
    if let Some(address) = address {
        out.leaf(name, &[("display", address.display.as_deref())], Some(&address.uri));
    }
}

/// The dialogs of an entity, as a subscriber knows them (section 4.3). One for each subscription.
#[derive(Clone, Debug, Default)]
pub struct DialogInfoState {
    version: Version,
    dialogs: Vec<DialogEntry>,
}

impl DialogInfoState {
    /// Before the first document.
    pub fn new() -> DialogInfoState {
        DialogInfoState::default()
    }

    /// Takes in the next document. Dialogs that are over can be seen until the one after it.
    pub fn apply(&mut self, info: DialogInfo) -> Applied {
        let mut applied = self.version.next(info.version, info.scope);
        if applied == Applied::Stale {
            return applied;
        }
        match info.scope {
            Scope::Partial => self.dialogs.retain(|dialog| dialog.state != DialogState::Terminated),
            Scope::Full | Scope::Deleted => self.dialogs.clear(),
        }
        for dialog in info.dialogs {
            let has_room = self.dialogs.len() < MAX_ROWS;
            match self.dialogs.iter_mut().find(|known| known.id == dialog.id) {
                Some(known) => *known = dialog,
                None if has_room => self.dialogs.push(dialog),
                None => applied = Applied::Incomplete,
            }
        }
        applied
    }

    /// The dialogs, oldest first.
    pub fn dialogs(&self) -> &[DialogEntry] {
        &self.dialogs
    }

    /// The dialog of that name.
    pub fn dialog(&self, id: &str) -> Option<&DialogEntry> {
        self.dialogs.iter().find(|dialog| &*dialog.id == id)
    }
}

#[cfg(test)]
#[path = "dialog_info_tests.rs"]
mod tests;
