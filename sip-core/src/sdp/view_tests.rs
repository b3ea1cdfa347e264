use super::*;
use proptest::prelude::*;

// Shaped like RFC 8829 7.2.
const BROWSER: &str = "v=0\r\no=- 4962303333179871722 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
    a=ice-options:trickle ice2\r\na=group:BUNDLE a1 v1\r\na=group:LS a1 v1\r\na=fingerprint:sha-256 19:E2\r\n\
    m=audio 10100 UDP/TLS/RTP/SAVPF 96 0 97\r\nc=IN IP4 203.0.113.100\r\na=mid:a1\r\na=sendrecv\r\n\
    a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\na=ptime:20\r\n\
    a=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7Z/l\r\na=setup:actpass\r\na=rtcp-mux\r\n\
    a=candidate:1 1 udp 2113929471 203.0.113.100 10100 typ host\r\na=end-of-candidates\r\n\
    m=video 0 UDP/TLS/RTP/SAVPF 100\r\na=mid:v1\r\na=bundle-only\r\na=fingerprint:sha-384 00:11\r\n";

fn fails(text: &[u8]) -> (usize, usize, SdpErrorKind) {
    let error = SdpRef::parse(text).unwrap_err();
    (error.line(), error.offset(), error.kind())
}

#[test]
fn a_browsers_description_is_read() {
    let sdp = SdpRef::parse(BROWSER.as_bytes()).unwrap();
    assert_eq!(sdp.origin().unwrap().version, "1");
    assert_eq!(sdp.bundles().collect::<Vec<_>>(), ["a1 v1"]);
    assert_eq!(sdp.media().count(), 2);
    let audio = sdp.media_with_mid("a1").unwrap();
    assert_eq!((audio.kind(), audio.port(), audio.protocol()), ("audio", 10100, "UDP/TLS/RTP/SAVPF"));
    assert_eq!(audio.connection().unwrap().address, "203.0.113.100");
    let names: Vec<&str> = audio.codecs().map(|codec| codec.encoding).collect();
    assert_eq!(names, ["opus", "PCMU", "telephone-event"]);
    assert_eq!((audio.telephone_event(8000), audio.telephone_event(48_000)), (Some(97), None));
    assert_eq!((audio.fmtp(97), audio.ptime()), (Some("0-16"), Some(20)));
    assert_eq!((audio.ice_ufrag(), audio.ice_pwd()), (Some("ETEn"), Some("OtSK0WpNtpUjkY4+86js7Z/l")));
    assert_eq!((audio.setup(), audio.has_rtcp_mux()), (Some(Setup::ActPass), true));
    assert_eq!(audio.fingerprints().next().unwrap().hash, "sha-256");
    assert_eq!(audio.candidates().next().unwrap().port, 10100);
    assert!(audio.section().has("end-of-candidates"));

    let video = sdp.media_at(1).unwrap();
    assert!(!video.is_rejected(), "it is in the bundle");
    assert_eq!(video.direction(), Direction::SendRecv);
    assert_eq!(video.fingerprints().map(|f| f.hash).collect::<Vec<_>>(), ["sha-384"]);
    assert_eq!(video.setup(), None);
}

#[test]
fn line_ends_and_missing_lines_are_tolerated() {
    let text = b"v=0\no=- 1 1 IN IP4 192.0.2.1\n\nc=IN IP4 192.0.2.1\na=inactive\nm=audio 4 RTP/AVP 0";
    let sdp = SdpRef::parse(text).unwrap();
    let audio = sdp.media_at(0).unwrap();
    assert_eq!((audio.direction(), audio.port()), (Direction::Inactive, 4));
    assert_eq!(audio.rtpmap(0).unwrap().encoding, "PCMU");
    assert_eq!(sdp.media().count(), 1);
    assert!(SdpRef::parse(b"v=0\r\n").is_ok());
}

#[test]
fn errors_name_line_and_byte() {
    assert_eq!(fails(b""), (1, 0, SdpErrorKind::Version));
    assert_eq!(fails(b"v=1\r\n"), (1, 0, SdpErrorKind::Version));
    assert_eq!(fails(b"o=- 1 1 IN IP4 192.0.2.1\r\n"), (1, 0, SdpErrorKind::Version));
    assert_eq!(fails(b"v=0\r\nhello\r\n"), (2, 5, SdpErrorKind::NotALine));
    assert_eq!(fails(b"v=0\r\nab=c\r\n"), (2, 5, SdpErrorKind::NotALine));
    assert_eq!(fails(b"v=0\r\no=- 1\r\n"), (2, 5, SdpErrorKind::Syntax("o=")));
    assert_eq!(fails(b"v=0\ns=-\nm=audio x RTP/AVP 0\n"), (3, 8, SdpErrorKind::Syntax("m=")));
    assert_eq!(fails(b"v=0\r\ns=\xff\r\n"), (2, 7, SdpErrorKind::NotUtf8));
    let error = SdpRef::parse(b"v=0\r\nc=IN\r\n").unwrap_err();
    assert_eq!(error.to_string(), "session description line 2, byte 5: bad c= line");
}

fn read_everything(sdp: &SdpRef<'_>) {
    let _ = (sdp.origin(), sdp.bundles().count(), sdp.to_description());
    for media in sdp.media() {
        let _ = (media.direction(), media.connection(), media.codecs().count(), media.fmtp(0), media.setup());
        let _ = (media.candidates().count(), media.fingerprints().count(), media.ptime(), media.is_rejected());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(sdp) = SdpRef::parse(&bytes) {
            read_everything(&sdp);
        }
    }

    #[test]
    fn damaged_descriptions_are_survived(
        changes in proptest::collection::vec((0..BROWSER.len(), any::<u8>()), 1..6),
        cut in 0..BROWSER.len(),
    ) {
        let mut bytes = BROWSER.as_bytes().to_vec();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        bytes.truncate(cut);
        if let Ok(sdp) = SdpRef::parse(&bytes) {
            read_everything(&sdp);
        }
    }
}
