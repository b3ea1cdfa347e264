//! Header field names: the known ones as one byte each.

use std::fmt;

/// The slot of [`SLOTS`] that holds no name.
const EMPTY: u8 = u8::MAX;
/// A power of two, well above twice the number of names.
const SLOT_COUNT: usize = 512;
/// How many bytes of a name its key holds.
pub(super) const KEY_BYTES: usize = 16;

impl Name {
    /// The name as it is written in a message; `Other` has none of its own and reads `header field`.
    pub fn as_str(self) -> &'static str {
        TEXTS.get(self as usize).copied().unwrap_or("header field")
    }

    /// The known name in any case or its compact form; `Other` if it is none of these.
    ///
    /// ```
    /// use offhook_core::message::Name;
    /// assert_eq!(Name::parse(b"call-id"), Name::CallId);
    /// assert_eq!(Name::parse(b"i"), Name::CallId);
    /// assert_eq!(Name::parse(b"X-Mine"), Name::Other);
    /// ```
    pub fn parse(name: &[u8]) -> Name {
        Name::of_key(start(name), name)
    }

    /// The same, for who has the first sixteen bytes of the name at hand (the first in the lowest byte, zeros behind a
    /// shorter name): they say at once which name it could be.
    #[inline]
    pub(super) fn of_key(start: u128, name: &[u8]) -> Name {
        if let [letter] = name {
            return Name::compact(*letter);
        }
        let key = fold(start);
        let mut slot = hash(key);
        while let Some(&id) = SLOTS.get(slot) {
            let Some(&(found, text)) = KEYS.get(usize::from(id)) else { break };
            if found == key && text.len() == name.len() && (name.len() <= KEY_BYTES || same_rest(text, name)) {
                return NAMES.get(usize::from(id)).copied().unwrap_or(Name::Other);
            }
            slot = slot.wrapping_add(1) % SLOT_COUNT;
        }
        Name::Other
    }

    /// The compact forms (RFC 3261 section 7.3.3 and the IANA registry).
    fn compact(letter: u8) -> Name {
        match letter.to_ascii_lowercase() {
            b'a' => Name::AcceptContact,
            b'b' => Name::ReferredBy,
            b'c' => Name::ContentType,
            b'd' => Name::RequestDisposition,
            b'e' => Name::ContentEncoding,
            b'f' => Name::From,
            b'i' => Name::CallId,
            b'j' => Name::RejectContact,
            b'k' => Name::Supported,
            b'l' => Name::ContentLength,
            b'm' => Name::Contact,
            b'n' => Name::IdentityInfo,
            b'o' => Name::Event,
            b'r' => Name::ReferTo,
            b's' => Name::Subject,
            b't' => Name::To,
            b'u' => Name::AllowEvents,
            b'v' => Name::Via,
            b'x' => Name::SessionExpires,
            b'y' => Name::Identity,
            _ => Name::Other,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn same_rest(text: &str, name: &[u8]) -> bool {
    let rest = |name| <[u8]>::get(name, KEY_BYTES..).unwrap_or(&[]);
    rest(text.as_bytes()).eq_ignore_ascii_case(rest(name))
}

/// Lower case: letters, and nothing else a name could hold, have the bit 0x40 set.
#[inline]
const fn fold(start: u128) -> u128 {
    start | ((start & u128::from_ne_bytes([0x40; KEY_BYTES])) >> 1)
}

#[inline]
const fn hash(key: u128) -> usize {
    let mixed = (key as u64) ^ ((key >> 64) as u64).rotate_left(23);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize % SLOT_COUNT
}

static SLOTS: [u8; SLOT_COUNT] = slots();
static KEYS: [(u128, &str); TEXTS.len()] = keys();

/// Fills the table when the crate is compiled; a taken slot sends the name to the next free one.
const fn slots() -> [u8; SLOT_COUNT] {
    let mut slots = [EMPTY; SLOT_COUNT];
    let keys = keys();
    let mut rest: &[(u128, &str)] = &keys;
    let mut id: u8 = 0;
    while let Some(((key, _), behind)) = rest.split_first() {
        let mut slot = hash(*key);
        while let Some((_, [place, ..])) = slots.split_at_mut_checked(slot) {
            if *place == EMPTY {
                *place = id;
                break;
            }
            slot = slot.wrapping_add(1) % SLOT_COUNT;
        }
        id = id.wrapping_add(1);
        rest = behind;
    }
    slots
}

const fn keys() -> [(u128, &'static str); TEXTS.len()] {
    let mut keys = [(0, ""); TEXTS.len()];
    let mut rest: (&mut [(u128, &str)], &[&str]) = (&mut keys, TEXTS);
    while let (Some((key, keys)), Some((text, texts))) = (rest.0.split_first_mut(), rest.1.split_first()) {
        *key = (fold(start(text.as_bytes())), *text);
        rest = (keys, texts);
    }
    keys
}

/// The first bytes of a name, zeros behind a shorter one.
const fn start(name: &[u8]) -> u128 {
    let mut start = [0; KEY_BYTES];
    let mut rest: (&mut [u8], &[u8]) = (&mut start, name);
    while let (Some((place, places)), Some((byte, bytes))) = (rest.0.split_first_mut(), rest.1.split_first()) {
        *place = *byte;
        rest = (places, bytes);
    }
    u128::from_le_bytes(start)
}

macro_rules! names {
    ($($variant:ident $text:literal $rfc:literal)*) => {
        /// A header field name the core knows; others are reached by text ([`Fields::named`](super::Fields::named)).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Name {
            $(
                #[doc = concat!("`", $text, "` (", $rfc, ").")]
                $variant,
            )*
            /// A header field the core has no name for.
            Other,
        }

        const TEXTS: &[&str] = &[$($text),*];
        const NAMES: &[Name] = &[$(Name::$variant),*];
    };
}

names! {
    Via "Via" "RFC 3261"
    From "From" "RFC 3261"
    To "To" "RFC 3261"
    CallId "Call-ID" "RFC 3261"
    CSeq "CSeq" "RFC 3261"
    Contact "Contact" "RFC 3261"
    MaxForwards "Max-Forwards" "RFC 3261"
    Route "Route" "RFC 3261"
    RecordRoute "Record-Route" "RFC 3261"
    ContentLength "Content-Length" "RFC 3261"
    ContentType "Content-Type" "RFC 3261"
    Accept "Accept" "RFC 3261"
    AcceptContact "Accept-Contact" "RFC 3841"
    AcceptEncoding "Accept-Encoding" "RFC 3261"
    AcceptLanguage "Accept-Language" "RFC 3261"
    AcceptResourcePriority "Accept-Resource-Priority" "RFC 4412"
    AlertInfo "Alert-Info" "RFC 3261"
    Allow "Allow" "RFC 3261"
    AllowEvents "Allow-Events" "RFC 6665"
    AnswerMode "Answer-Mode" "RFC 5373"
    AuthenticationInfo "Authentication-Info" "RFC 3261"
    Authorization "Authorization" "RFC 3261"
    CallInfo "Call-Info" "RFC 3261"
    ContentDisposition "Content-Disposition" "RFC 3261"
    ContentEncoding "Content-Encoding" "RFC 3261"
    ContentId "Content-ID" "RFC 8262"
    ContentLanguage "Content-Language" "RFC 3261"
    ContentTransferEncoding "Content-Transfer-Encoding" "RFC 2045"
    Date "Date" "RFC 3261"
    Diversion "Diversion" "RFC 5806"
    Encryption "Encryption" "RFC 3261"
    ErrorInfo "Error-Info" "RFC 3261"
    Event "Event" "RFC 6665"
    Expires "Expires" "RFC 3261"
    FeatureCaps "Feature-Caps" "RFC 6809"
    FlowTimer "Flow-Timer" "RFC 5626"
    Geolocation "Geolocation" "RFC 6442"
    GeolocationError "Geolocation-Error" "RFC 6442"
    GeolocationRouting "Geolocation-Routing" "RFC 6442"
    HistoryInfo "History-Info" "RFC 7044"
    Identity "Identity" "RFC 8224"
    IdentityInfo "Identity-Info" "RFC 4474"
    InfoPackage "Info-Package" "RFC 6086"
    InReplyTo "In-Reply-To" "RFC 3261"
    Join "Join" "RFC 3911"
    MaxBreadth "Max-Breadth" "RFC 5393"
    MimeVersion "MIME-Version" "RFC 3261"
    MinExpires "Min-Expires" "RFC 3261"
    MinSe "Min-SE" "RFC 4028"
    Organization "Organization" "RFC 3261"
    PAccessNetworkInfo "P-Access-Network-Info" "RFC 7315"
    PAssertedIdentity "P-Asserted-Identity" "RFC 3325"
    PAssociatedUri "P-Associated-URI" "RFC 7315"
    PCalledPartyId "P-Called-Party-ID" "RFC 7315"
    PChargingFunctionAddresses "P-Charging-Function-Addresses" "RFC 7315"
    PChargingVector "P-Charging-Vector" "RFC 7315"
    PEarlyMedia "P-Early-Media" "RFC 5009"
    PPreferredIdentity "P-Preferred-Identity" "RFC 3325"
    PVisitedNetworkId "P-Visited-Network-ID" "RFC 7315"
    Path "Path" "RFC 3327"
    Priority "Priority" "RFC 3261"
    Privacy "Privacy" "RFC 3323"
    PrivAnswerMode "Priv-Answer-Mode" "RFC 5373"
    ProxyAuthenticate "Proxy-Authenticate" "RFC 3261"
    ProxyAuthenticationInfo "Proxy-Authentication-Info" "RFC 7615"
    ProxyAuthorization "Proxy-Authorization" "RFC 3261"
    ProxyRequire "Proxy-Require" "RFC 3261"
    RAck "RAck" "RFC 3262"
    RSeq "RSeq" "RFC 3262"
    Reason "Reason" "RFC 3326"
    RecvInfo "Recv-Info" "RFC 6086"
    ReferSub "Refer-Sub" "RFC 4488"
    ReferTo "Refer-To" "RFC 3515"
    ReferredBy "Referred-By" "RFC 3892"
    RejectContact "Reject-Contact" "RFC 3841"
    RemotePartyId "Remote-Party-ID" "draft-ietf-sip-privacy"
    Replaces "Replaces" "RFC 3891"
    ReplyTo "Reply-To" "RFC 3261"
    RequestDisposition "Request-Disposition" "RFC 3841"
    Require "Require" "RFC 3261"
    ResourcePriority "Resource-Priority" "RFC 4412"
    ResponseKey "Response-Key" "RFC 3261"
    RetryAfter "Retry-After" "RFC 3261"
    SecurityClient "Security-Client" "RFC 3329"
    SecurityServer "Security-Server" "RFC 3329"
    SecurityVerify "Security-Verify" "RFC 3329"
    Server "Server" "RFC 3261"
    ServiceRoute "Service-Route" "RFC 3608"
    SessionExpires "Session-Expires" "RFC 4028"
    SessionId "Session-ID" "RFC 7989"
    SipEtag "SIP-ETag" "RFC 3903"
    SipIfMatch "SIP-If-Match" "RFC 3903"
    Subject "Subject" "RFC 3261"
    SubscriptionState "Subscription-State" "RFC 6665"
    Supported "Supported" "RFC 3261"
    SuppressIfMatch "Suppress-If-Match" "RFC 5839"
    TargetDialog "Target-Dialog" "RFC 4538"
    Timestamp "Timestamp" "RFC 3261"
    Unsupported "Unsupported" "RFC 3261"
    UserAgent "User-Agent" "RFC 3261"
    UserToUser "User-to-User" "RFC 7433"
    Warning "Warning" "RFC 3261"
    WwwAuthenticate "WWW-Authenticate" "RFC 3261"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (text, name) in TEXTS.iter().zip(NAMES) {
            assert_eq!(name.as_str(), *text);
            assert_eq!(Name::parse(text.as_bytes()), *name);
            assert_eq!(Name::parse(text.to_ascii_uppercase().as_bytes()), *name);
            assert_eq!(Name::parse(text.to_ascii_lowercase().as_bytes()), *name);
        }
    }

    #[test]
    fn the_table_has_room() {
        assert!(TEXTS.len() < usize::from(EMPTY) && TEXTS.len() * 2 < SLOT_COUNT);
        let longest = (0..SLOT_COUNT).map(|slot| (slot..SLOT_COUNT).take_while(|at| SLOTS[*at] != EMPTY).count()).max();
        assert!(longest <= Some(12), "a run of {longest:?} taken slots: choose another factor in hash()");
    }

    #[test]
    fn compact_forms_are_single_letters() {
        let forms = b"abcdefijklmnorstuvxy";
        assert!(forms.iter().all(|letter| Name::parse(&[*letter]) != Name::Other));
        assert_eq!(Name::parse(b"V"), Name::Via);
        assert_eq!(Name::parse(b"z"), Name::Other);
    }

    #[test]
    fn what_it_does_not_know_is_other() {
        for text in [&b""[..], b"C%6Fntact", b"Via ", b"To\0", b"Accept-", b"Call\rID", b"\xff\xff"] {
            assert_eq!(Name::parse(text), Name::Other);
        }
    }
}
