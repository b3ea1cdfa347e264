//! When two URIs are the same (RFC 3261 section 19.1.4, RFC 3966 section 4).

use super::escape::octets;
use super::{Params, SipUri, UriRef};

/// Parameters that count even if only one of the URIs has them. `transport` is not in the RFC's list but in its examples:
/// a URI without it can resolve to another transport.
const NEVER_IGNORED: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl UriRef<'_> {
    /// Whether the two are equivalent. Note that this is not transitive: a parameter only one side has is mostly ignored.
    ///
    /// ```
    /// use offhook_core::message::UriRef;
    /// let one = UriRef::parse("sip:%61lice@atlanta.com;transport=TCP")?;
    /// assert!(one.equivalent(&UriRef::parse("sip:alice@AtLanTa.CoM;Transport=tcp")?));
    /// assert!(!one.equivalent(&UriRef::parse("sip:alice@atlanta.com:5060;transport=tcp")?));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn equivalent(&self, other: &UriRef<'_>) -> bool {
        match (self, other) {
            (UriRef::Sip(one), UriRef::Sip(other)) => same_sip(one, other),
            (UriRef::Tel { number: one, params: with }, UriRef::Tel { number: other, params: and }) => {
                same_number(one, other) && all_in(with, and) && all_in(and, with)
            }
            (UriRef::Other { scheme: one, rest: left }, UriRef::Other { scheme: other, rest: right }) => {
                one.eq_ignore_ascii_case(other) && left == right
            }
            _ => false,
        }
    }
}

fn same_sip(one: &SipUri<'_>, other: &SipUri<'_>) -> bool {
    one.secure == other.secure
        && same_option(one.user, other.user, same_text)
        && same_option(one.password, other.password, same_text)
        && one.host.equivalent(&other.host)
        && one.port == other.port
        && same_params(&one.params, &other.params)
        && same_headers(one, other)
}

fn same_option(one: Option<&str>, other: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// The same once escapes of unreserved characters are undone.
fn same_text(one: &str, other: &str) -> bool {
    one == other || octets(one).eq(octets(other))
}

fn same_text_any_case(one: &str, other: &str) -> bool {
    let folded = |text| {
        octets(text).map(|mut octet| {
            octet.byte = octet.byte.to_ascii_lowercase();
            octet
        })
    };
    folded(one).eq(folded(other))
}

/// Of parameters that stand more than once, which they must not, the first counts.
fn same_params<'a>(one: &Params<'a>, other: &Params<'a>) -> bool {
    let first = |params: &Params<'a>, name: &str| params.iter().find(|(found, _)| same_text_any_case(found, name));
    let both_agree = one.iter().all(|(name, _)| match (first(one, name), first(other, name)) {
        (Some((_, value)), Some((_, found))) => same_option(value, found, same_text_any_case),
        _ => true,
    });
    both_agree && NEVER_IGNORED.iter().all(|name| one.contains(name) == other.contains(name))
}

/// Every parameter of the one is in the other (RFC 3966: none is ignored).
fn all_in(one: &Params<'_>, other: &Params<'_>) -> bool {
    one.iter().all(|(name, value)| {
        other
            .iter()
            .any(|(found, with)| same_text_any_case(found, name) && same_option(value, with, same_text_any_case))
    })
}

/// The same digits, whatever separates them for the eye.
fn same_number(one: &str, other: &str) -> bool {
    let digits = |number: &str| {
        let number = number.to_ascii_lowercase();
        number.chars().filter(|digit| !matches!(digit, '-' | '.' | '(' | ')')).collect::<String>()
    };
    digits(one) == digits(other)
}

fn same_headers(one: &SipUri<'_>, other: &SipUri<'_>) -> bool {
    let all_in = |one: &SipUri<'_>, other: &SipUri<'_>| {
        one.header_fields().all(|(name, value)| {
            other.header_fields().any(|(found, with)| found.eq_ignore_ascii_case(&name) && with == value)
        })
    };
    match (one.headers, other.headers) {
        (None, None) => true,
        _ => all_in(one, other) && all_in(other, one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let (one, other) = (UriRef::parse(one).unwrap(), UriRef::parse(other).unwrap());
        assert_eq!(one.equivalent(&other), other.equivalent(&one), "both ways");
        one.equivalent(&other)
    }

    #[test]
    fn the_equivalent_pairs_of_the_rfc() {
        for (one, other) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_different_pairs_of_the_rfc() {
        for (one, other) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
            ("sip:a@b", "sip:a:@b"),
            ("sip:a%40c@b", "sip:a@b"),
            ("sip:a%3Bc@b", "sip:a;c@b"),
            ("sip:a@b;maddr=c", "sip:a@b"),
            ("sip:%00@b", "sip:%00%00@b"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn of_parameters_that_stand_twice_the_first_counts() {
        assert!(same("sip:a;x=1;x=2", "sip:a;x=1;x=2"));
        assert!(same("sip:a;x=1;x=2", "sip:a;x=1"));
        assert!(!same("sip:a;x=1;x=2", "sip:a;x=2"));
    }

    #[test]
    fn other_schemes() {
        assert!(same("tel:+1-201-555-0123", "TEL:+12015550123"));
        assert!(!same("tel:+12015550123;ext=1", "tel:+12015550123"));
        assert!(!same("tel:+12015550123", "tel:12015550123"));
        assert!(same("urn:a", "URN:a") && !same("urn:a", "urn:A"));
    }
}
