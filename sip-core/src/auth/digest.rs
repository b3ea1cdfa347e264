//! The arithmetic of Digest (RFC 7616 3.4): A1, A2 and the response.
use super::params::push_hex;
use sha2::Digest;

/// A digest algorithm of the IANA registry (RFC 7616 6.1, RFC 8760 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `MD5`, also what a challenge without an algorithm means.
    Md5,
    /// `MD5-sess`
    Md5Sess,
    /// `SHA-256`
    Sha256,
    /// `SHA-256-sess`
    Sha256Sess,
    /// `SHA-512-256`
    Sha512_256,
    /// `SHA-512-256-sess`
    Sha512_256Sess,
}

impl Algorithm {
    /// Every algorithm this library knows, the strongest first.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Sha512_256,
        Algorithm::Sha512_256Sess,
        Algorithm::Sha256,
        Algorithm::Sha256Sess,
        Algorithm::Md5,
        Algorithm::Md5Sess,
    ];

    /// Reads the token of an `algorithm` parameter, in any case; `None` if it is not one of ours.
    pub fn parse(token: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(token.trim()))
    }

    /// The token as registered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
            Algorithm::Sha512_256 => "SHA-512-256",
            Algorithm::Sha512_256Sess => "SHA-512-256-sess",
        }
    }

    /// The algorithm without `-sess`: what a stored HA1 is made with.
    pub const fn base(self) -> Algorithm {
        match self {
            Algorithm::Md5 | Algorithm::Md5Sess => Algorithm::Md5,
            Algorithm::Sha256 | Algorithm::Sha256Sess => Algorithm::Sha256,
            Algorithm::Sha512_256 | Algorithm::Sha512_256Sess => Algorithm::Sha512_256,
        }
    }

    /// True if this algorithm's hash is weaker than the other's. A `-sess` variant is as strong as its base.
    pub const fn is_weaker_than(self, other: Algorithm) -> bool {
        self.strength() < other.strength()
    }

    /// How many hexadecimal digits its hash has.
    pub(super) const fn digits(self) -> usize {
        match self.base() {
            Algorithm::Md5 => 32,
            _ => 64,
        }
    }

    const fn strength(self) -> u8 {
        match self.base() {
            Algorithm::Sha512_256 => 3,
            Algorithm::Sha256 => 2,
            _ => 1,
        }
    }

    pub(super) const fn is_session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess | Algorithm::Sha512_256Sess)
    }
}

/// What a response protects (RFC 7616 3.3, "qop").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qop {
    /// No `qop` parameter at all: the calculation of RFC 2069, for servers older than RFC 3261.
    None,
    /// `auth`: method and URI.
    Auth,
    /// `auth-int`: method, URI and body.
    AuthInt,
}

impl Qop {
    /// The token, or `None` where the parameter is left out.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Qop::None => None,
            Qop::Auth => Some("auth"),
            Qop::AuthInt => Some("auth-int"),
        }
    }

    /// Reads the single token of credentials; `None` if it is neither `auth` nor `auth-int`.
    pub fn parse(token: &str) -> Option<Qop> {
        [Qop::Auth, Qop::AuthInt]
            .into_iter()
            .find(|qop| qop.as_str().is_some_and(|name| name.eq_ignore_ascii_case(token.trim())))
    }
}

/// The stored form of a password: H(username ":" realm ":" password) in lower-case hexadecimal (RFC 7616 3.4.2). A
/// `-sess` algorithm gives what its base gives.
pub fn ha1(algorithm: Algorithm, username: &str, realm: &str, password: &str) -> String {
    hash(algorithm, &[username, ":", realm, ":", password])
}

/// Everything a response is calculated from.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) qop: Qop,
    /// [`ha1`], before any `-sess` step.
    pub(super) ha1: &'a str,
    pub(super) nonce: &'a str,
    /// Eight hexadecimal digits as sent.
    pub(super) nc: &'a str,
    pub(super) cnonce: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) body: &'a [u8],
}

/// The `response` parameter, lower-case hexadecimal.
pub(super) fn response(input: &Input<'_>) -> String {
    let Input { algorithm, qop, nonce, nc, cnonce, .. } = *input;
    let session;
    let ha1 = if algorithm.is_session() {
        session = hash(algorithm, &[input.ha1, ":", nonce, ":", cnonce]);
        &session
    } else {
        input.ha1
    };
    let ha2 = if qop == Qop::AuthInt {
        let body = hash_bytes(algorithm, &mut std::iter::once(input.body));
        hash(algorithm, &[input.method, ":", input.uri, ":", &body])
    } else {
        hash(algorithm, &[input.method, ":", input.uri])
    };
    match qop.as_str() {
        Some(qop) => hash(algorithm, &[ha1, ":", nonce, ":", nc, ":", cnonce, ":", qop, ":", &ha2]),
        None => hash(algorithm, &[ha1, ":", nonce, ":", &ha2]),
    }
}

/// The hash of the concatenated parts in lower-case hexadecimal.
pub(super) fn hash(algorithm: Algorithm, parts: &[&str]) -> String {
    hash_bytes(algorithm, &mut parts.iter().map(|part| part.as_bytes()))
}

fn hash_bytes(algorithm: Algorithm, parts: &mut dyn Iterator<Item = &[u8]>) -> String {
    match algorithm.base() {
        Algorithm::Sha512_256 => run::<sha2::Sha512_256>(parts),
        Algorithm::Sha256 => run::<sha2::Sha256>(parts),
        _ => run::<md5::Md5>(parts),
    }
}

fn run<D: Digest>(parts: &mut dyn Iterator<Item = &[u8]>) -> String {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    let mut out = String::with_capacity(64);
    for &byte in digest.finalize().as_ref() as &[u8] {
        push_hex(&mut out, u64::from(byte), 2);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_body_hashes_as_rfc_8760_says() {
        assert_eq!(hash(Algorithm::Sha256, &[""]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn names_are_read_in_any_case() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(&algorithm.as_str().to_ascii_lowercase()), Some(algorithm));
        }
        assert_eq!(Algorithm::parse("SHA-1"), None);
        assert_eq!(Qop::parse("AUTH-INT"), Some(Qop::AuthInt));
        assert_eq!(Qop::parse("auth-conf"), None);
    }

    // RFC 2617 3.5
    #[test]
    fn rfc_2617_example() {
        let input = Input {
            algorithm: Algorithm::Md5,
            qop: Qop::Auth,
            ha1: &ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life"),
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            nc: "00000001",
            cnonce: "0a4f113b",
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        };
        assert_eq!(response(&input), "6629fae49393a05397450978507c4ef1");
        assert_eq!(response(&Input { qop: Qop::None, ..input }), "670fd8c2df070c60b045671b8b24ff02");
    }

    // RFC 7616 3.9.1
    #[test]
    fn rfc_7616_example_with_sha_256_and_md5() {
        let check = |algorithm, expected: &str| {
            let input = Input {
                algorithm,
                qop: Qop::Auth,
                ha1: &ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"),
                nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                nc: "00000001",
                cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                method: "GET",
                uri: "/dir/index.html",
                body: b"",
            };
            assert_eq!(response(&input), expected);
        };
        check(Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec");
        check(Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    // RFC 7616 3.9.2 with the values of erratum 4897: those printed in the RFC are SHA-512 cut short, not SHA-512/256.
    #[test]
    fn rfc_7616_example_with_sha_512_256() {
        let (user, realm, algorithm) = ("J\u{e4}s\u{f8}n Doe", "api@example.org", Algorithm::Sha512_256);
        let input = Input {
            algorithm,
            qop: Qop::Auth,
            ha1: &ha1(algorithm, user, realm, "Secret, or not?"),
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            nc: "00000001",
            cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            method: "GET",
            uri: "/doe.json",
            body: b"",
        };
        assert_eq!(response(&input), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
        let userhash = hash(algorithm, &[user, ":", realm]);
        assert_eq!(userhash, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
    }

    // MD5: the INVITE of draft-smith-sip-auth-examples-00; the others are reckoned from it by another implementation.
    #[test]
    fn auth_int_covers_the_body() {
        let body = b"v=0\r\no=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\ns=-\r\nc=IN IP4 media.biloxi.com\r\nt=0 0\r\n\
            m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 51372 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\n\
            m=video 53000 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n";
        for (algorithm, expected) in [
            (Algorithm::Md5, "bdbeebb2da6adb6bca02599c2239e192"),
            (Algorithm::Md5Sess, "91984da2d8663716e91554859c22ca70"),
            (Algorithm::Sha256, "c54fb1136ee077c9b9b31e2865b25b1326515c2b0ce1584c40f267672401d647"),
            (Algorithm::Sha256Sess, "9ab810cc06168ee4a9a3564bbab9cd95fcca15efde8c529c856174863d56813a"),
            (Algorithm::Sha512_256, "05fec0126aa34195c417d63037f4e226cc15fa737015ae0ce9a6fcf3d2ea4ed7"),
            (Algorithm::Sha512_256Sess, "0692b157330f5c7c3d693b97b477a9dee5e29dbf8d09f4024df0b72fa8206d65"),
        ] {
            let input = Input {
                algorithm,
                qop: Qop::AuthInt,
                ha1: &ha1(algorithm, "bob", "biloxi.com", "zanzibar"),
                nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                nc: "00000001",
                cnonce: "0a4f113b",
                method: "INVITE",
                uri: "sip:bob@biloxi.com",
                body,
            };
            assert_eq!(response(&input), expected, "{algorithm:?}");
        }
    }
}
