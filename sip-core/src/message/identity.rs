//! Who is at the other end, as it says itself and as its network asserts: From, P-Asserted-Identity (RFC 3325),
//! Remote-Party-ID (draft-ietf-sip-privacy) and Privacy (RFC 3323) in one view.
//!
//! Whether an assertion is to be believed depends on who sent the message (RFC 3325 section 5): that is for the caller
//! of this layer to know.

use super::error::ParseError;
use super::{Fields, Host, Name, NameAddrRef, Privacy, Request, Response, UriRef};

/// Who the other end is.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// What it says itself: From of a request, To of a response.
    pub claimed: NameAddrRef<'a>,
    /// What its network asserts: the first P-Asserted-Identity that is no `tel:`, or the Remote-Party-ID of that party.
    pub asserted: Option<NameAddrRef<'a>>,
    /// The telephone number its network asserts: the P-Asserted-Identity that is a `tel:`.
    pub number: Option<NameAddrRef<'a>>,
    /// Which header field asserts.
    pub source: IdentitySource,
    /// What is asked to be kept private.
    pub privacy: Privacy,
    /// Its network found the identity to be true (`screen=yes` in a Remote-Party-ID); always so where
    /// P-Asserted-Identity asserts.
    pub screened: bool,
    /// The Remote-Party-ID itself asks for privacy.
    restricted: bool,
}

/// Where an asserted identity stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentitySource {
    /// Nowhere: there is only what the other end says itself.
    Claimed,
    /// P-Asserted-Identity.
    PAssertedIdentity,
    /// Remote-Party-ID.
    RemotePartyId,
}

impl<'a> Identity<'a> {
    /// The identity to believe: with `trusted`, what the network asserts before what the other end claims.
    ///
    /// `trusted` says that the message came from an element of the own trust domain, such as the own server.
    pub fn best(&self, trusted: bool) -> NameAddrRef<'a> {
        match self.asserted.or(self.number) {
            Some(asserted) if trusted => asserted,
            _ => self.claimed,
        }
    }

    /// Whether the identity is not to be shown to the user: privacy is asked for, or the claimed address is an anonymous
    /// one (RFC 3323 section 4.1.1.3).
    pub fn is_anonymous(&self) -> bool {
        self.privacy.hides_identity() || (self.restricted && !self.privacy.none) || is_anonymous(&self.claimed)
    }
}

impl Request {
    /// Who sent this request. An assertion that cannot be read counts as none.
    ///
    /// # Errors
    ///
    /// From is missing or not readable.
    pub fn identity(&self) -> Result<Identity<'_>, ParseError> {
        identity(self, self.from()?, &["calling"])
    }

    /// Who sent this request within a call. There `party` of a Remote-Party-ID says who is who in the call with some, and
    /// in this request with others.
    ///
    /// # Errors
    ///
    /// From is missing or not readable.
    pub fn identity_in_call(&self) -> Result<Identity<'_>, ParseError> {
        identity(self, self.from()?, &["calling", "called"])
    }
}

impl Response {
    /// Who answers with this response. An assertion that cannot be read counts as none.
    ///
    /// # Errors
    ///
    /// To is missing or not readable.
    pub fn identity(&self) -> Result<Identity<'_>, ParseError> {
        identity(self, self.to()?, &["called"])
    }
}

fn identity<'a>(fields: &'a Fields, claimed: NameAddrRef<'a>, parties: &[&str]) -> Result<Identity<'a>, ParseError> {
    let mut identity = Identity {
        claimed,
        asserted: None,
        number: None,
        source: IdentitySource::Claimed,
        privacy: fields.privacy(),
        screened: false,
        restricted: false,
    };
    for address in fields.addresses(Name::PAssertedIdentity).flatten() {
        let place = match address.uri() {
            Ok(UriRef::Tel { .. }) => &mut identity.number,
            Ok(_) => &mut identity.asserted,
            Err(_) => continue,
        };
        if place.is_none() {
            *place = Some(address);
        }
        (identity.source, identity.screened) = (IdentitySource::PAssertedIdentity, true);
    }
    if identity.source == IdentitySource::Claimed {
        let of = |party: &&str| {
            let is_it = |address: &NameAddrRef<'_>| {
                address.params.value("party").is_none_or(|found| found.eq_ignore_ascii_case(party))
                    && address.uri().is_ok()
            };
            fields.addresses(Name::RemotePartyId).flatten().find(is_it)
        };
        if let Some(address) = parties.iter().find_map(of) {
            identity.asserted = Some(address);
            identity.source = IdentitySource::RemotePartyId;
            identity.screened = address.params.value("screen").is_some_and(|screen| screen.eq_ignore_ascii_case("yes"));
            identity.restricted = address.params.value("privacy").is_some_and(restricts);
        }
    }
    Ok(identity)
}

/// `privacy=full`, `name`, `uri`, with `-network` and the like behind them; `off` is none.
fn restricts(privacy: &str) -> bool {
    privacy.split('-').next().is_some_and(|what| {
        ["full", "name", "uri"].into_iter().any(|restricting| what.eq_ignore_ascii_case(restricting))
    })
}

/// `sip:anonymous@anonymous.invalid`, and its relatives.
fn is_anonymous(address: &NameAddrRef<'_>) -> bool {
    match address.uri() {
        Ok(UriRef::Sip(uri)) => {
            matches!(uri.host, Host::Name(host) if host.eq_ignore_ascii_case("anonymous.invalid"))
                || uri.user.is_some_and(|user| user.eq_ignore_ascii_case("anonymous"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, Message, fields_of_test};
    use super::*;
    use bytes::Bytes;

    fn request(fields: &str) -> Request {
        let text = ["INVITE sip:b@c SIP/2.0\r\n", &fields.replace('|', "\r\n"), "\r\n\r\n"].concat();
        match Message::parse(Bytes::from(text), &Limits::default()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a response"),
        }
    }

    #[test]
    fn the_example_of_rfc_3325() {
        let request = request(
            "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=9802748|Privacy: id\
             |P-Asserted-Identity: \"Cullen Jennings\" <sip:fluffy@cisco.com>|P-Asserted-Identity: tel:+14085264000",
        );
        let identity = request.identity().unwrap();
        assert_eq!(identity.best(true).uri_text(), "sip:fluffy@cisco.com");
        assert_eq!(identity.best(true).display_name().as_deref(), Some("Cullen Jennings"));
        assert_eq!(identity.best(false).uri_text(), "sip:anonymous@anonymous.invalid");
        assert_eq!(identity.number.unwrap().uri_text(), "tel:+14085264000");
        assert!(identity.is_anonymous() && identity.screened);
        assert_eq!(identity.source, IdentitySource::PAssertedIdentity);
    }

    #[test]
    fn remote_party_ids_by_party() {
        let request = request(
            "From: <sip:1@a>|Remote-Party-ID: \"No\" <sip:2@a>;party=called, \
             \"Bob\" <sip:3@a>;party=calling;screen=yes;privacy=name-network",
        );
        let identity = request.identity().unwrap();
        assert_eq!((identity.best(true).uri_text(), identity.screened), ("sip:3@a", true));
        assert!(identity.is_anonymous());
        let text = "SIP/2.0 200 OK\r\nTo: <sip:b@c>\r\nRemote-Party-ID: <sip:4@a>;party=called;privacy=off\r\n\r\n";
        let Ok(Message::Response(response)) = Message::parse(Bytes::from(text), &Limits::default()) else { panic!() };
        let identity = response.identity().unwrap();
        assert_eq!((identity.best(true).uri_text(), identity.is_anonymous()), ("sip:4@a", false));
    }

    #[test]
    fn either_party_within_a_call() {
        let called = request("From: <sip:1@a>|Remote-Party-ID: <sip:2@a>;party=called;privacy=off");
        assert_eq!(called.identity().unwrap().best(true).uri_text(), "sip:1@a");
        assert_eq!(called.identity_in_call().unwrap().best(true).uri_text(), "sip:2@a");
        let both = request("From: <sip:1@a>|Remote-Party-ID: <sip:2@a>;party=called, <sip:3@a>;party=calling");
        assert_eq!(both.identity_in_call().unwrap().best(true).uri_text(), "sip:3@a");
    }

    #[test]
    fn bad_assertions_count_as_none() {
        let request = request("From: <sip:1@a>|P-Asserted-Identity: nobody, <sip:>|Remote-Party-ID: <>");
        let identity = request.identity().unwrap();
        assert_eq!((identity.best(true).uri_text(), identity.source), ("sip:1@a", IdentitySource::Claimed));
        assert!(!identity.is_anonymous());
        assert!(fields_of_test("X-None: y").from().is_err());
    }

    #[test]
    fn a_telephone_number_alone() {
        let request = request("From: <sip:1@a>|P-Asserted-Identity: <tel:+1201>|Privacy: none");
        assert_eq!(request.identity().unwrap().best(true).uri_text(), "tel:+1201");
    }
}
