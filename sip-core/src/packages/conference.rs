//! `application/conference-info+xml` (RFC 4575): who is in a conference.
//!
//! Each element is as the document tells it: what is partial is merged by [`ConferenceState`]. Sidebars, service URIs and
//! the details of how somebody joined are passed over.
//!
//! ```
//! use offhook_core::packages::conference::{ConferenceInfo, ConferenceState};
//! let body = br#"<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" version="1" state="full"
//!     entity="sips:conf233@example.com"><conference-description><subject>Agenda</subject></conference-description>
//!     <users><user entity="sip:bob@example.com"><display-text>Bob</display-text></user></users></conference-info>"#;
//! let mut state = ConferenceState::new();
//! let _ = state.apply(ConferenceInfo::parse(body)?);
//! assert_eq!(state.description().unwrap().subject.as_deref(), Some("Agenda"));
//! assert_eq!(state.users()[0].display_text.as_deref(), Some("Bob"));
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```

use super::Scope;
use super::xml::{self, Element, Xml};
use crate::message::ParseError;

pub use super::conference_state::ConferenceState;

/// The media type.
pub const MEDIA_TYPE: &str = "application/conference-info+xml";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceInfo {
    /// Counts up by one with each document of a subscription.
    pub version: u32,
    /// Whether everything is told, or what changed; deleted: the conference is over.
    pub scope: Scope,
    /// The conference URI.
    pub entity: Box<str>,
    /// What the conference is about, if that is told.
    pub description: Option<Description>,
    /// How it is going, if that is told.
    pub status: Option<Status>,
    /// Whether all users are told or those that changed.
    pub users_scope: Scope,
    /// The users.
    pub users: Vec<User>,
}

/// What a conference is about (section 5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// A short text for people.
    pub display_text: Option<Box<str>>,
    /// The subject.
    pub subject: Option<Box<str>>,
    /// A long text for people.
    pub free_text: Option<Box<str>>,
    /// How many may take part.
    pub maximum_user_count: Option<u32>,
    /// URIs under which the conference can be reached.
    pub uris: Vec<Box<str>>,
}

/// How a conference is going (section 5.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// How many users there are, whether they are told or not.
    pub user_count: Option<u32>,
    /// Whether it has started.
    pub active: Option<bool>,
    /// Whether nobody may join any more.
    pub locked: Option<bool>,
}

/// A user (section 5.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The URI, which names the user in the conference.
    pub entity: Box<str>,
    /// How much this tells.
    pub scope: Scope,
    /// The name.
    pub display_text: Option<Box<str>>,
    /// `participant`, `moderator` …
    pub roles: Vec<Box<str>>,
    /// The devices.
    pub endpoints: Vec<Endpoint>,
}

/// A device of a user (section 5.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The URI, which names the device among those of the user.
    pub entity: Box<str>,
    /// How much this tells.
    pub scope: Scope,
    /// The name.
    pub display_text: Option<Box<str>>,
    /// `pending`, `dialing-out`, `dialing-in`, `alerting`, `on-hold`, `connected`, `muted-via-focus`,
    /// `disconnecting`, `disconnected`.
    pub status: Option<Box<str>>,
    /// How it joined: `dialed-in`, `dialed-out`, `focus-owner`.
    pub joining_method: Option<Box<str>>,
    /// How it left: `departed`, `booted`, `failed`, `busy`.
    pub disconnection_method: Option<Box<str>>,
    /// The media.
    pub media: Vec<Media>,
}

/// One media stream of a device (section 5.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Names the stream among those of the device.
    pub id: Box<str>,
    /// The name.
    pub display_text: Option<Box<str>>,
    /// `audio`, `video`, `text` …
    pub kind: Option<Box<str>>,
    /// The label of the stream in the description (RFC 4574).
    pub label: Option<Box<str>>,
    /// The synchronization source.
    pub source: Option<Box<str>>,
    /// `sendrecv`, `sendonly`, `recvonly`, `inactive`, seen from the device.
    pub status: Option<Box<str>>,
}

impl ConferenceInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// No XML, another root element, `version` is no number, a `state` that is none, a user or an endpoint without
    /// `entity`, a media without `id`. The field is `conference-info`.
    pub fn parse(body: &[u8]) -> Result<ConferenceInfo, ParseError> {
        let xml = Xml::parse(body, "conference-info")?;
        let root = xml.root();
        let scope = xml.scope(root)?;
        let users = xml::child(root, "users");
        Ok(ConferenceInfo {
            // What is deleted needs no version.
            version: match (scope, root.attribute("version")) {
                (Scope::Deleted, None) => u32::MAX,
                _ => xml.required_number(root, "version", "a version")?,
            },
            scope,
            entity: xml::attribute(root, "entity").unwrap_or_default(),
            description: xml::child(root, "conference-description").map(description),
            status: xml::child(root, "conference-state").map(|state| Status {
                user_count: xml::child_number(state, "user-count"),
                active: xml::child_bool(state, "active"),
                locked: xml::child_bool(state, "locked"),
            }),
            users_scope: users.map_or(Ok(Scope::Partial), |users| xml.scope(users))?,
            users: users
                .into_iter()
                .flat_map(|users| xml::children(users, "user"))
                .map(|element| user(&xml, element))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn description(element: Element<'_>) -> Description {
    let uris = xml::child(element, "conf-uris");
    Description {
        display_text: xml::child_text(element, "display-text"),
        subject: xml::child_text(element, "subject"),
        free_text: xml::child_text(element, "free-text"),
        maximum_user_count: xml::child_number(element, "maximum-user-count"),
        uris: uris
            .into_iter()
            .flat_map(|uris| xml::children(uris, "entry"))
            .filter_map(|entry| xml::child_text(entry, "uri"))
            .collect(),
    }
}

fn user(xml: &Xml<'_>, element: Element<'_>) -> Result<User, ParseError> {
    let roles = xml::child(element, "roles");
    Ok(User {
        entity: xml.required(element, "entity", "the URI of a user")?.into(),
        scope: xml.scope(element)?,
        display_text: xml::child_text(element, "display-text"),
        roles: roles.into_iter().flat_map(|roles| xml::children(roles, "entry")).map(xml::text).collect(),
        endpoints: xml::children(element, "endpoint")
            .map(|element| endpoint(xml, element))
            .collect::<Result<_, _>>()?,
    })
}

fn endpoint(xml: &Xml<'_>, element: Element<'_>) -> Result<Endpoint, ParseError> {
    Ok(Endpoint {
        entity: xml.required(element, "entity", "the URI of an endpoint")?.into(),
        scope: xml.scope(element)?,
        display_text: xml::child_text(element, "display-text"),
        status: xml::child_text(element, "status"),
        joining_method: xml::child_text(element, "joining-method"),
        disconnection_method: xml::child_text(element, "disconnection-method"),
        media: xml::children(element, "media").map(|element| media(xml, element)).collect::<Result<_, _>>()?,
    })
}

fn media(xml: &Xml<'_>, element: Element<'_>) -> Result<Media, ParseError> {
    Ok(Media {
        id: xml.required(element, "id", "the id of a media")?.into(),
        display_text: xml::child_text(element, "display-text"),
        kind: xml::child_text(element, "type"),
        label: xml::child_text(element, "label"),
        source: xml::child_text(element, "src-id"),
        status: xml::child_text(element, "status"),
    })
}
