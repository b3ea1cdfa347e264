//! Candidates that follow their description one by one: bodies of type `application/trickle-ice-sdpfrag` (RFC 8840 9).

use super::candidate::Candidate;
use super::error::SdpError;
use super::view::{MediaRef, SdpRef};

/// The media type of a fragment.
pub const FRAGMENT_TYPE: &str = "application/trickle-ice-sdpfrag";

/// A candidate and the media it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrickledCandidate {
    /// The `a=mid` of its media description.
    pub mid: Box<str>,
    /// The value of an `a=candidate` line.
    pub candidate: Box<str>,
}

/// A fragment: lines as in a description, of which only those about ICE count.
#[derive(Clone, Debug)]
pub struct Fragment(Vec<u8>);

const START: &[u8] = b"v=0\r\n";

impl Fragment {
    /// Takes a body.
    pub fn new(body: &[u8]) -> Fragment {
        Fragment([START, body].concat())
    }

    /// Reads it: as a description is read, with the pseudo media lines of RFC 8840 4.4.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8, or has a line that cannot stand in a description.
    pub fn read(&self) -> Result<SdpRef<'_>, SdpError> {
        SdpRef::parse(&self.0)
    }
}

/// The fragment with all candidates of a description, and then those (RFC 8840 4.4); those of an earlier ICE session left
/// out. `end`: there are no more. `None`: it would say nothing that the description does not.
pub fn compose_fragment(description: &SdpRef<'_>, trickled: &[TrickledCandidate], end: bool) -> Option<String> {
    let mut text = String::new();
    let session = description.session();
    for name in ["ice-pwd", "ice-ufrag"] {
        push_attribute(&mut text, name, session.attribute(name));
    }
    if end {
        text.push_str("a=end-of-candidates\r\n");
    }
    let mut news = false;
    for media in description.media().filter(|media| !media.is_rejected()) {
        let Some(mid) = media.mid() else { continue };
        let own: Vec<Candidate<'_>> = media.candidates().collect();
        let of_media = trickled.iter().filter(|one| &*one.mid == mid);
        let more = of_media.filter_map(|one| Candidate::parse(&one.candidate).map(|parsed| (one, parsed)));
        let more =
            more.filter(|(_, parsed)| of_session(parsed, &media) && !own.iter().any(|known| is_same(known, parsed)));
        let more: Vec<&TrickledCandidate> = more.map(|(one, _)| one).collect();
        if own.is_empty() && more.is_empty() {
            continue;
        }
        news |= !more.is_empty();
        text.push_str("m=audio 9 RTP/AVP 0\r\n");
        for name in ["ice-pwd", "ice-ufrag"] {
            push_attribute(&mut text, name, media.section().attribute(name));
        }
        push_attribute(&mut text, "mid", Some(mid));
        for value in media.section().values("candidate") {
            push_attribute(&mut text, "candidate", Some(value));
        }
        for one in more {
            push_attribute(&mut text, "candidate", Some(&one.candidate));
        }
    }
    news.then_some(text)
}

/// What a fragment tells beyond the other side's description; `known` is what was told before, and grows, up to a limit.
/// That of another ICE session is left out. Also: whether there are no more.
pub fn read_fragment(
    fragment: &SdpRef<'_>,
    description: &SdpRef<'_>,
    known: &mut Vec<Box<str>>,
    limit: usize,
) -> (Vec<TrickledCandidate>, bool) {
    let mut news = Vec::new();
    let mut end = fragment.session().has("end-of-candidates");
    let mut ended = 0_usize;
    for part in fragment.media() {
        let Some(media) = part.mid().and_then(|mid| description.media_with_mid(mid)) else { continue };
        if part.ice_ufrag() != media.ice_ufrag() || part.ice_pwd() != media.ice_pwd() {
            end = false;
            continue;
        }
        if part.section().has("end-of-candidates") {
            ended = ended.saturating_add(1);
        }
        for value in part.section().values("candidate") {
            let Some(candidate) = Candidate::parse(value) else { continue };
            let name = name_of(media.mid().unwrap_or_default(), &candidate);
            let told = media.candidates().any(|known| is_same(&known, &candidate)) || known.contains(&name);
            if told || known.len() >= limit {
                continue;
            }
            known.push(name);
            news.push(TrickledCandidate {
                mid: media.mid().unwrap_or_default().into(),
                candidate: value.trim().into(),
            });
        }
    }
    (news, end || (ended > 0 && ended == fragment.media().count()))
}

/// Equal for candidates that are the same (RFC 8840 4.4).
fn name_of(mid: &str, candidate: &Candidate<'_>) -> Box<str> {
    let component = candidate.component.to_string();
    let port = candidate.port.to_string();
    [mid, " ", &component, " ", &candidate.transport.to_ascii_lowercase(), " ", candidate.address, " ", &port]
        .concat()
        .into()
}

fn is_same(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    (a.component, a.port, a.address) == (b.component, b.port, b.address)
        && a.transport.eq_ignore_ascii_case(b.transport)
}

/// Whether a candidate is of the ICE session of its media, as far as it says (`ufrag`, as browsers write it).
fn of_session(candidate: &Candidate<'_>, media: &MediaRef<'_>) -> bool {
    let mut words = candidate.extensions.split_ascii_whitespace();
    let ufrag = words.find(|word| *word == "ufrag").and_then(|_| words.next());
    ufrag.is_none_or(|ufrag| media.ice_ufrag() == Some(ufrag))
}

fn push_attribute(text: &mut String, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    for part in ["a=", name, ":", value.trim(), "\r\n"] {
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";

    fn trickled(candidate: &str) -> TrickledCandidate {
        TrickledCandidate { mid: "0".into(), candidate: candidate.into() }
    }

    #[test]
    fn a_fragment_repeats_what_was_told_and_adds_the_rest() {
        let sdp = SdpRef::parse(SDP.as_bytes()).unwrap();
        let more = [
            trickled("1 1 udp 2122260223 192.0.2.1 5000 typ host generation 0 ufrag abcd"),
            trickled(
                "2 1 udp 1686052607 198.51.100.9 6000 typ srflx raddr 192.0.2.1 rport 5000 generation 0 ufrag abcd",
            ),
            trickled("2 1 udp 1686052607 198.51.100.9 7000 typ srflx raddr 192.0.2.1 rport 5000 ufrag another"),
        ];
        let text = compose_fragment(&sdp, &more, true).unwrap();
        assert_eq!(
            text,
            "a=end-of-candidates\r\nm=audio 9 RTP/AVP 0\r\na=ice-pwd:0123456789012345678901\r\na=ice-ufrag:abcd\r\na=mid:0\r\n\
             a=candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host\r\n\
             a=candidate:2 1 udp 1686052607 198.51.100.9 6000 typ srflx raddr 192.0.2.1 rport 5000 generation 0 ufrag abcd\r\n"
        );
        assert_eq!(compose_fragment(&sdp, more.get(..1).unwrap(), true), None, "nothing new");

        // What one side writes the other reads, once.
        let fragment = Fragment::new(text.as_bytes());
        let mut known = Vec::new();
        let (news, end) = read_fragment(&fragment.read().unwrap(), &sdp, &mut known, 9);
        assert_eq!((news, end), (vec![more.get(1).unwrap().clone()], true));
        assert_eq!(read_fragment(&fragment.read().unwrap(), &sdp, &mut known, 9).0, []);
    }

    #[test]
    fn credentials_of_the_session_stand_before_all_media() {
        let sdp = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n";
        let sdp = SdpRef::parse(sdp.as_bytes()).unwrap();
        let text = compose_fragment(&sdp, &[trickled("1 1 udp 1 192.0.2.1 5000 typ host")], false).unwrap();
        assert!(text.starts_with("a=ice-pwd:0123456789012345678901\r\na=ice-ufrag:abcd\r\nm=audio"), "{text}");
        let fragment = Fragment::new(text.as_bytes());
        let (news, end) = read_fragment(&fragment.read().unwrap(), &sdp, &mut Vec::new(), 9);
        assert_eq!((news.len(), end), (1, false));
    }

    #[test]
    fn what_is_of_another_session_or_too_much_is_left_out() {
        let sdp = SdpRef::parse(SDP.as_bytes()).unwrap();
        let read = |body: &str, limit| {
            let fragment = Fragment::new(body.as_bytes());
            read_fragment(&fragment.read().unwrap(), &sdp, &mut Vec::new(), limit)
        };
        let line = |port: u16| format!("a=candidate:1 1 udp 1 192.0.2.7 {port} typ host\r\n");
        let head = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
        assert_eq!(read(&[head, &line(1), &line(2), &line(3)].concat(), 2).0.len(), 2);
        assert_eq!(read(&[&head.replace("abcd", "old1"), &*line(1)].concat(), 9), (vec![], false));
        assert_eq!(read(&[&head.replace("mid:0", "mid:7"), &*line(1)].concat(), 9), (vec![], false));
        let (news, end) = read(&[head, &line(1), "a=end-of-candidates\r\na=candidate:nonsense\r\n"].concat(), 9);
        assert_eq!((news.len(), end), (1, true));
        assert!(Fragment::new(b"m=audio\r\n").read().is_err());
        assert!(Fragment::new(b"\xff").read().is_err());
    }
}
