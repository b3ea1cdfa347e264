//! Header field names: the known ones as one byte each.

use std::fmt;

/// A power of two, well above twice the number of names.
const SLOT_COUNT: usize = 512;
/// What sends every name to a slot of its own. If a new name does not get one, the test says which factor to take.
const FACTOR: u64 = 0xf4d9_dc46_16cb_2d9d;
/// How many bytes a key has.
pub(super) const KEY_BYTES: usize = 16;
/// How many of a name's letters it holds; the last byte is the name's length.
const LETTERS: usize = KEY_BYTES - 1;
const LENGTH_AT: usize = LETTERS * 8;

impl Name {
    /// The name as it is written in a message; `Other` has none of its own and reads `header field`.
    pub fn as_str(self) -> &'static str {
        TEXTS.get(self as usize).copied().unwrap_or("header field")
    }

    /// Every name the core knows.
    pub fn all() -> impl Iterator<Item = Name> {
        NAMES.iter().copied()
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
        if let [letter] = name {
            return Name::compact(*letter);
        }
        let found = Name::of_key(key_of(name)).filter(|found| {
            let rest = |name| <[u8]>::get(name, LETTERS..).unwrap_or(&[]);
            name.len() <= LETTERS || rest(found.as_str().as_bytes()).eq_ignore_ascii_case(rest(name))
        });
        found.unwrap_or(Name::Other)
    }

    /// The known name that the first `length` of these bytes are, if they are the long form of one.
    #[inline]
    pub(super) fn in_front(chunk: &[u8; KEY_BYTES], length: u32) -> Option<Name> {
        let keep = KEEP.get(length as usize)?;
        Name::of_key(u128::from_le_bytes(*chunk) & keep | u128::from(length) << LENGTH_AT)
    }

    /// The name that this could be the key of; of a longer one the rest is still to be compared.
    #[inline]
    fn of_key(key: u128) -> Option<Name> {
        let name = *SLOTS.get(hash(key, FACTOR))?;
        let found = *KEYS.get(name as usize)?;
        (found == key || fold(found) == fold(key)).then_some(name)
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

/// Lower case: letters, and nothing else a name could hold, have the bit 0x40 set.
const fn fold(key: u128) -> u128 {
    key | ((key & u128::from_ne_bytes([0x40; KEY_BYTES])) >> 1)
}

/// The slot of a key, in whatever case: as many of the highest bits as slots have.
#[inline]
const fn hash(key: u128, factor: u64) -> usize {
    let key = key | u128::from_ne_bytes([0x20; KEY_BYTES]);
    let mixed = (key as u64) ^ ((key >> 64) as u64).rotate_left(23);
    (mixed.wrapping_mul(factor) >> u64::BITS.wrapping_sub(SLOT_COUNT.trailing_zeros())) as usize
}

/// [`Name::Other`] where there is none.
static SLOTS: [Name; SLOT_COUNT] = slots();
static KEYS: [u128; TEXTS.len()] = keys();
/// What keeps so many of the first bytes.
static KEEP: [u128; KEY_BYTES] = keep();

/// Fills the table when the crate is compiled; no two names have the same slot.
const fn slots() -> [Name; SLOT_COUNT] {
    let mut slots = [Name::Other; SLOT_COUNT];
    let keys = keys();
    let mut rest: (&[u128], &[Name]) = (&keys, NAMES);
    while let (Some((key, keys)), Some((name, names))) = (rest.0.split_first(), rest.1.split_first()) {
        if let Some((_, [place, ..])) = slots.split_at_mut_checked(hash(*key, FACTOR)) {
            *place = *name;
        }
        rest = (keys, names);
    }
    slots
}

const fn keys() -> [u128; TEXTS.len()] {
    let mut keys = [0; TEXTS.len()];
    let mut rest: (&mut [u128], &[&str]) = (&mut keys, TEXTS);
    while let (Some((key, keys)), Some((text, texts))) = (rest.0.split_first_mut(), rest.1.split_first()) {
        *key = key_of(text.as_bytes());
        rest = (keys, texts);
    }
    keys
}

const fn keep() -> [u128; KEY_BYTES] {
    let mut keep = [0; KEY_BYTES];
    let mut rest: &mut [u128] = &mut keep;
    let mut kept: u128 = 0;
    while let Some((place, behind)) = rest.split_first_mut() {
        *place = kept;
        kept = kept << 8 | 0xff;
        rest = behind;
    }
    keep
}

/// The first letters of a name, the first in the lowest byte and zeros behind a shorter one; its length in the highest byte.
const fn key_of(name: &[u8]) -> u128 {
    let mut start = [0; KEY_BYTES];
    let mut rest: (&mut [u8], &[u8]) = (&mut start, name);
    while let (Some((place, places)), Some((byte, bytes))) = (rest.0.split_first_mut(), rest.1.split_first()) {
        *place = *byte;
        rest = (places, bytes);
    }
    let [.., last] = &mut start;
    // No known name is that long.
    *last = if name.len() < 0x20 { name.len() as u8 } else { 0 };
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
    fn every_name_has_a_slot_of_its_own() {
        let is_perfect = |factor: u64| {
            let mut taken = [false; SLOT_COUNT];
            KEYS.iter().all(|key| !std::mem::replace(&mut taken[hash(*key, factor)], true))
        };
        if !is_perfect(FACTOR) {
            let mut factors = std::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |factor| {
                Some(factor.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            });
            panic!("FACTOR may be {:#018x}", factors.find(|factor| is_perfect(*factor)).unwrap());
        }
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
