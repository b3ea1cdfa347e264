//! `application/reginfo+xml` (RFC 3680): which phones an address of record has.
//!
//! ```
//! use offhook_core::packages::reginfo::RegInfo;
//! let body = br#"<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full">
//!     <registration aor="sip:user@example.com" id="as9" state="active">
//!     <contact id="76" state="active" event="registered"><uri>sip:user@pc887.example.com</uri></contact>
//!     </registration></reginfo>"#;
//! let info = RegInfo::parse(body)?;
//! assert_eq!(&*info.registrations[0].contacts[0].uri, "sip:user@pc887.example.com");
//! # Ok::<(), offhook_core::message::ParseError>(())
//! ```

use super::version::Version;
use super::xml::{self, Element, Xml};
use super::{Applied, MAX_ROWS, Scope};
use crate::message::ParseError;

/// The media type.
pub const MEDIA_TYPE: &str = "application/reginfo+xml";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegInfo {
    /// Counts up by one with each document of a subscription.
    pub version: u32,
    /// Whether all registrations are told or those that changed.
    pub scope: Scope,
    /// The registrations.
    pub registrations: Vec<Registration>,
}

/// The registrations of one address of record (section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Names it within the subscription.
    pub id: Box<str>,
    /// The address of record.
    pub aor: Box<str>,
    /// The state.
    pub state: RegistrationState,
    /// Its contacts.
    pub contacts: Vec<Contact>,
}

/// The states of a registration (section 4.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// No contact was ever registered.
    Init,
    /// There are contacts.
    Active,
    /// There are no contacts any more.
    Terminated,
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Names it within the subscription.
    pub id: Box<str>,
    /// Whether it is registered.
    pub active: bool,
    /// What led to that: `registered`, `created`, `refreshed`, `shortened`, `expired`, `deactivated`, `probation`,
    /// `unregistered`, `rejected`.
    pub event: Box<str>,
    /// The URI.
    pub uri: Box<str>,
    /// The name beside the URI.
    pub display_name: Option<Box<str>>,
    /// For how many seconds it has been registered.
    pub duration_registered: Option<u64>,
    /// For how many seconds it will be.
    pub expires: Option<u64>,
    /// After how many seconds to register again, for the event `probation`.
    pub retry_after: Option<u64>,
    /// The preference, as written.
    pub q: Option<Box<str>>,
    /// Call-ID of the registration.
    pub call_id: Option<Box<str>>,
    /// The last CSeq of the registration.
    pub cseq: Option<u64>,
    /// Parameters of the contact, such as `+sip.instance`: names and values.
    pub params: Vec<(Box<str>, Box<str>)>,
}

impl RegInfo {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// No XML, another root element, `version` is no number, `state` is none, a registration without `id`, `aor` or
    /// state, a contact without `id`, state or URI. The field is `reginfo`.
    pub fn parse(body: &[u8]) -> Result<RegInfo, ParseError> {
        let xml = Xml::parse(body, "reginfo")?;
        let root = xml.root();
        Ok(RegInfo {
            version: xml.required_number(root, "version", "a version")?,
            scope: xml.scope(root)?,
            registrations: xml::children(root, "registration")
                .map(|element| registration(&xml, element))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn registration(xml: &Xml<'_>, element: Element<'_>) -> Result<Registration, ParseError> {
    Ok(Registration {
        id: xml.required(element, "id", "an id")?.into(),
        aor: xml.required(element, "aor", "an address of record")?.into(),
        state: match element.attribute("state") {
            Some("init") => RegistrationState::Init,
            Some("active") => RegistrationState::Active,
            Some("terminated") => RegistrationState::Terminated,
            _ => return Err(xml.error(element, "a state of a registration")),
        },
        contacts: xml::children(element, "contact").map(|element| contact(xml, element)).collect::<Result<_, _>>()?,
    })
}

fn contact(xml: &Xml<'_>, element: Element<'_>) -> Result<Contact, ParseError> {
    let params = xml::children(element, "unknown-param");
    Ok(Contact {
        id: xml.required(element, "id", "an id")?.into(),
        active: match element.attribute("state") {
            Some("active") => true,
            Some("terminated") => false,
            _ => return Err(xml.error(element, "a state of a contact")),
        },
        event: xml::attribute(element, "event").unwrap_or_default(),
        uri: xml::child_text(element, "uri").ok_or_else(|| xml.error(element, "a URI"))?,
        display_name: xml::child_text(element, "display-name"),
        duration_registered: xml::number_attribute(element, "duration-registered"),
        expires: xml::number_attribute(element, "expires"),
        retry_after: xml::number_attribute(element, "retry-after"),
        q: xml::attribute(element, "q"),
        call_id: xml::attribute(element, "callid"),
        cseq: xml::number_attribute(element, "cseq"),
        params: params.filter_map(|param| Some((xml::attribute(param, "name")?, xml::text(param)))).collect(),
    })
}

/// The registrations, as a subscriber knows them (section 5.2). One for each subscription.
#[derive(Clone, Debug, Default)]
pub struct RegInfoState {
    version: Version,
    registrations: Vec<Registration>,
}

impl RegInfoState {
    /// Before the first document.
    pub fn new() -> RegInfoState {
        RegInfoState::default()
    }

    /// Takes in the next document. Contacts and registrations that are over can be seen until the one after it.
    pub fn apply(&mut self, info: RegInfo) -> Applied {
        let mut applied = self.version.next(info.version, info.scope);
        if applied == Applied::Stale {
            return applied;
        }
        match info.scope {
            Scope::Partial => {
                self.registrations.retain(|known| known.state != RegistrationState::Terminated);
                for known in &mut self.registrations {
                    known.contacts.retain(|contact| contact.active);
                }
            }
            Scope::Full | Scope::Deleted => self.registrations.clear(),
        }
        let mut rows: usize = self.registrations.iter().map(|known| known.contacts.len().saturating_add(1)).sum();
        for Registration { id, aor, state, contacts } in info.registrations {
            let known = match self.registrations.iter().position(|known| known.id == id) {
                Some(at) => self.registrations.get_mut(at),
                None if rows < MAX_ROWS => {
                    rows = rows.saturating_add(1);
                    self.registrations.push(Registration { id, aor: "".into(), state, contacts: Vec::new() });
                    self.registrations.last_mut()
                }
                None => None,
            };
            let Some(known) = known else {
                applied = Applied::Incomplete;
                continue;
            };
            (known.aor, known.state) = (aor, state);
            for contact in contacts {
                match known.contacts.iter_mut().find(|known| known.id == contact.id) {
                    Some(known) => *known = contact,
                    None if rows < MAX_ROWS => {
                        rows = rows.saturating_add(1);
                        known.contacts.push(contact);
                    }
                    None => applied = Applied::Incomplete,
                }
            }
        }
        applied
    }

    /// The registrations.
    pub fn registrations(&self) -> &[Registration] {
        &self.registrations
    }

    /// All contacts that are registered.
    pub fn active_contacts(&self) -> impl Iterator<Item = &Contact> {
        self.registrations.iter().flat_map(|known| &known.contacts).filter(|contact| contact.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"<?xml version="1.0"?>
       <reginfo xmlns="urn:ietf:params:xml:ns:reginfo"
           xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                    version="0" state="full">
         <registration aor="sip:user@example.com" id="as9"
                       state="active">
           <contact id="76" state="active" event="registered"
                    duration-registered="7322"
                    q="0.8">
                    <uri>sip:user@pc887.example.com</uri>
           </contact>
           <contact id="77" state="terminated" event="expired"
                    duration-registered="3600"
                    q="0.5">
                    <uri>sip:user@university.edu</uri>
           </contact>
         </registration>
       </reginfo>"#;

    fn partial(version: u32, state: &str, contacts: &str) -> RegInfo {
        let body = format!(
            "<reginfo version='{version}' state='partial'><registration aor='sip:user@example.com' id='as9' \
             state='{state}'>{contacts}</registration></reginfo>"
        );
        RegInfo::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let info = RegInfo::parse(EXAMPLE.as_bytes()).unwrap();
        let registration = &info.registrations[0];
        assert_eq!((&*registration.aor, registration.state), ("sip:user@example.com", RegistrationState::Active));
        let [first, second] = &registration.contacts[..] else { panic!() };
        assert_eq!((first.active, &*first.event, first.duration_registered), (true, "registered", Some(7322)));
        assert_eq!((second.active, &*second.event, second.q.as_deref()), (false, "expired", Some("0.5")));
    }

    #[test]
    fn partial_documents_change_contacts() {
        let mut state = RegInfoState::new();
        assert_eq!(state.apply(RegInfo::parse(EXAMPLE.as_bytes()).unwrap()), Applied::Updated);
        assert_eq!(state.registrations()[0].contacts.len(), 2);
        let added = "<contact id='78' state='active' event='created' expires='60' callid='c' cseq='7' retry-after='x'>\
            <uri>sip:user@phone</uri><display-name>U</display-name>\
            <unknown-param name='+sip.instance'>\"&lt;urn:uuid:1&gt;\"</unknown-param></contact>";
        assert_eq!(state.apply(partial(1, "active", added)), Applied::Updated);
        let uris: Vec<_> = state.active_contacts().map(|contact| &*contact.uri).collect();
        assert_eq!(uris, ["sip:user@pc887.example.com", "sip:user@phone"]);
        let contact = state.active_contacts().last().unwrap();
        assert_eq!((contact.expires, contact.cseq, contact.retry_after), (Some(60), Some(7), None));
        assert_eq!(contact.params, [("+sip.instance".into(), "\"<urn:uuid:1>\"".into())]);
        let gone =
            "<contact id='76' state='terminated' event='unregistered'><uri>sip:user@pc887.example.com</uri></contact>";
        assert_eq!(state.apply(partial(2, "active", gone)), Applied::Updated);
        assert_eq!(state.active_contacts().count(), 1);
        assert_eq!(state.apply(partial(3, "terminated", "")), Applied::Updated);
        assert_eq!(state.apply(partial(5, "init", "")), Applied::Incomplete);
        assert_eq!(state.registrations()[0].state, RegistrationState::Init);
        assert_eq!(state.active_contacts().count(), 0);
    }

    #[test]
    fn rows_are_bounded() {
        let contact = |at: usize| format!("<contact id='{at}' state='active' event='x'><uri>a</uri></contact>");
        let mut state = RegInfoState::new();
        assert_eq!(state.apply(partial(0, "active", &(0..4000).map(contact).collect::<String>())), Applied::Incomplete);
        assert_eq!(
            state.apply(partial(1, "active", &(3000..4200).map(contact).collect::<String>())),
            Applied::Incomplete
        );
        assert_eq!(state.active_contacts().count(), MAX_ROWS - 1);
    }

    #[test]
    fn errors_say_where() {
        let of = |inner: &str| {
            let body = ["<reginfo version='0' state='full'>", inner, "</reginfo>"].concat();
            RegInfo::parse(body.as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(of("<registration id='1'/>"), "reginfo: expected an address of record at byte 34");
        assert_eq!(of("<registration id='1' aor='a'/>"), "reginfo: expected a state of a registration at byte 34");
        let contact =
            |contact: &str| of(&["<registration id='1' aor='a' state='init'>", contact, "</registration>"].concat());
        assert_eq!(contact("<contact/>"), "reginfo: expected an id at byte 76");
        assert_eq!(contact("<contact id='1'/>"), "reginfo: expected a state of a contact at byte 76");
        assert_eq!(contact("<contact id='1' state='active'/>"), "reginfo: expected a URI at byte 76");
    }
}
