//! A description to build and to edit.
use super::error::SdpError;
use super::section::Section;
use super::view::{MediaRef, SdpRef};
use bytes::Bytes;
use std::fmt;

/// An owned description: the session's lines and the media descriptions, each editable.
///
/// What is not edited is written back byte for byte (a missing last line end is added).
///
/// ```
/// use offhook_core::sdp::SessionDescription;
/// let browser = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=x-odd: 1\r\n";
/// let mut sdp = SessionDescription::parse(browser)?;
/// assert_eq!(sdp.to_bytes(), &browser[..]);
/// sdp.media_mut(0).unwrap().push_attribute("ptime", Some("20"));
/// assert!(sdp.to_string().ends_with("a=x-odd: 1\r\na=ptime:20\r\n"));
/// # Ok::<(), offhook_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    session: Section,
    media: Vec<Section>,
}

impl SessionDescription {
    /// A description without media: `v=0`, `s=-`, `t=0 0` and an origin and connection with this address.
    pub fn new(session_id: u64, version: u64, address: std::net::IpAddr) -> SessionDescription {
        let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
        let text = format!(
            "v=0\r\no=- {session_id} {version} IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
        );
        SessionDescription { session: Section::of_text(&text), media: Vec::new() }
    }

    /// Reads a description as [`SdpRef::parse`] does.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn parse(bytes: &[u8]) -> Result<SessionDescription, SdpError> {
        SdpRef::parse(bytes).map(|view| SessionDescription::from_view(&view))
    }

    pub(super) fn from_view(view: &SdpRef<'_>) -> SessionDescription {
        SessionDescription {
            session: Section::of_text(view.session().as_str()),
            media: view.media().map(|media| Section::of_text(media.section().as_str())).collect(),
        }
    }

    /// To read it.
    pub fn view(&self) -> SdpRef<'_> {
        SdpRef::of_sections(&self.session, &self.media)
    }

    /// The lines before the first `m=` line, to edit.
    pub fn session_mut(&mut self) -> &mut Section {
        &mut self.session
    }

    /// How many media descriptions there are.
    pub fn media_count(&self) -> usize {
        self.media.len()
    }

    /// The media description at this place, to read.
    pub fn media_at(&self, index: usize) -> Option<MediaRef<'_>> {
        self.view().media_at(index)
    }

    /// The media description at this place, to edit.
    pub fn media_mut(&mut self, index: usize) -> Option<&mut Section> {
        self.media.get_mut(index)
    }

    /// All media descriptions in order, to edit.
    pub fn media_iter_mut(&mut self) -> impl Iterator<Item = &mut Section> {
        self.media.iter_mut()
    }

    /// Adds a media description at the end. In an offer or answer none may ever be taken away (RFC 3264 8).
    pub fn push_media(&mut self, section: Section) {
        self.media.push(section);
    }

    /// The text.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        for section in self.sections() {
            out.extend_from_slice(section.as_bytes());
        }
        out.into()
    }

    fn sections(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.session).chain(&self.media).map(|section| section.view().as_str())
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sections().try_for_each(|section| f.write_str(section))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::{Candidate, Direction, SdpRef};
    use proptest::prelude::*;

    const TEXT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 9/2 RTP/AVP 0 8\r\ni=x\r\na=sendrecv\r\na=Mid:0\r\na=mid:0\r\na=recvonly\r\na=mid:1\r\n";

    #[test]
    fn editing_touches_one_thing() {
        let mut sdp = SessionDescription::parse(TEXT.as_bytes()).unwrap();
        let audio = sdp.media_mut(0).unwrap();
        audio.set_port(4000);
        audio.set_formats("8 0 101");
        audio.set_direction(Direction::Inactive);
        audio.set_attribute("mid", Some("a\r\nb"));
        audio.set_attribute("rtcp-mux", None);
        audio.set('c', "IN IP4 192.0.2.9");
        sdp.session_mut().set('b', "AS:64");
        sdp.session_mut().set('s', "call");
        let expected = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=call\r\nb=AS:64\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
            m=audio 4000/2 RTP/AVP 8 0 101\r\ni=x\r\nc=IN IP4 192.0.2.9\r\na=inactive\r\na=Mid:0\r\na=mid:a  b\r\n\
            a=rtcp-mux\r\n";
        assert_eq!(sdp.to_string(), expected);
        sdp.media_mut(0).unwrap().remove_attribute("mid");
        assert!(!sdp.view().media_at(0).unwrap().section().has("mid"));
    }

    #[test]
    fn a_new_description_reads_back() {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let mut sdp = SessionDescription::new(7, 1, address.parse().unwrap());
            sdp.push_media(Section::media("audio", 4000, "RTP/AVP", "0"));
            let candidate = Candidate::parse("1 1 UDP 1 192.0.2.1 4000 typ host").unwrap();
            sdp.media_mut(0).unwrap().push_attribute("candidate", Some(&candidate.to_string()));
            let text = sdp.to_bytes();
            let view = SdpRef::parse(&text).unwrap();
            let media = view.media_at(0).unwrap();
            assert_eq!(media.connection().unwrap().address, address);
            assert_eq!(media.candidates().collect::<Vec<_>>(), [candidate]);
        }
    }

    #[test]
    fn half_a_line_end_is_completed() {
        let sdp = SessionDescription::parse(b"v=0\r\no=- 1 1 IN IP4 a\r").unwrap();
        assert_eq!(sdp.to_bytes(), &b"v=0\r\no=- 1 1 IN IP4 a\r\n"[..]);
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("a=sendonly".to_string()),
            Just("m=audio 9 RTP/AVP 0".to_string()),
            Just("c=IN IP4 192.0.2.1".to_string()),
            Just(String::new()),
            "[a-ln-z]=[^\r\n]{0,12}".prop_filter("these are checked", |line| !line.starts_with(['o', 'c'])),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_byte_survives(lines in proptest::collection::vec((line(), any::<bool>()), 0..20)) {
            let mut text = String::from("v=0\n");
            for (line, carriage) in lines {
                text.push_str(&line);
                text.push_str(if carriage { "\r\n" } else { "\n" });
            }
            let sdp = SessionDescription::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(sdp.to_string(), &*text);
            prop_assert_eq!(SessionDescription::parse(&sdp.to_bytes()).unwrap(), sdp.clone());
            prop_assert_eq!(sdp.view().to_description(), sdp);
        }

        #[test]
        fn edited_descriptions_stay_readable(
            name in "[a-z]{1,5}", value in ".*", direction in 0..4usize, port in any::<u16>(),
        ) {
            let mut sdp = SessionDescription::parse(TEXT.as_bytes()).unwrap();
            sdp.session_mut().set('s', &value);
            let direction = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive][direction];
            let media = sdp.media_mut(0).unwrap();
            media.set_attribute(&name, Some(&value));
            media.set_direction(direction);
            media.set_port(port);
            let again = SessionDescription::parse(&sdp.to_bytes()).unwrap();
            prop_assert_eq!(again.media_at(0).unwrap().direction(), direction);
            prop_assert_eq!(again.media_at(0).unwrap().port(), port);
            prop_assert_eq!(again, sdp);
        }
    }
}
