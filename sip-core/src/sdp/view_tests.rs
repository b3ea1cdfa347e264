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
fn a_bundle_is_what_a_group_says() {
    let with = |group: &str| {
        let text = format!(
            "v=0\r\n{group}m=audio 9 RTP/AVP 0\r\na=mid:0\r\nm=video 0 RTP/AVP 31\r\na=mid:1\r\na=bundle-only\r\n\
             m=video 0 RTP/AVP 31\r\na=mid:2\r\n"
        );
        let sdp = SdpRef::parse(text.as_bytes()).unwrap();
        let bundled: Vec<bool> = sdp.media().map(|media| media.is_bundled()).collect();
        let rejected: Vec<bool> = sdp.media().map(|media| media.is_rejected()).collect();
        (bundled, rejected)
    };
    assert_eq!(with("a=group:BUNDLE 0 1\r\n"), (vec![true, true, false], vec![false, false, true]));
    assert_eq!(
        with("a=group:BUNDLE 0 2\r\n"),
        (vec![true, false, true], vec![false, true, true]),
        "bundle-only of none"
    );
    assert_eq!(with("a=group:BUNDLED 0 1\r\na=group:LS 0 1\r\n").0, [false, false, false]);
    assert_eq!(with("a=group:BUNDLE\r\n").0, [false, false, false], "an empty group");
    assert_eq!(with("a=group:BUNDLE 0\r\na=group:BUNDLE  1 2 \r\n").0, [true, true, true], "two groups");
}

#[test]
fn what_ice_and_dtls_say_is_read() {
    let text = "v=0\r\na=ice-lite\r\na=ice-options:ice2\r\na=setup:passive\r\na=ice-ufrag:all\r\na=ice-pwd:pwd\r\n\
        a=fingerprint:sha-256 AB:CD\r\n\
        m=audio 9 RTP/AVP 0\r\na=ice-options:trickle rtp+ecn\r\na=setup:holdconn\r\na=ice-ufrag:own\r\n\
        m=audio 9 RTP/AVP 0\r\na=setup:somehow\r\na=end-of-candidates\r\na=fingerprint:SHA-256 ab:cd\r\n\
        a=fingerprint:sha-1 \r\na=fingerprint:nothing\r\na=candidate:nonsense\r\n";
    let sdp = SdpRef::parse(text.as_bytes()).unwrap();
    assert!(sdp.is_ice_lite());
    let (first, second) = (sdp.media_at(0).unwrap(), sdp.media_at(1).unwrap());
    assert_eq!(first.ice_options().collect::<Vec<_>>(), ["trickle", "rtp+ecn", "ice2"]);
    assert_eq!(second.ice_options().collect::<Vec<_>>(), ["ice2"]);
    assert_eq!((first.setup(), second.setup()), (Some(Setup::HoldConn), None), "what cannot be read is none");
    assert_eq!((first.ice_ufrag(), second.ice_ufrag()), (Some("own"), Some("all")));
    assert_eq!((first.has_end_of_candidates(), second.has_end_of_candidates()), (false, true));
    assert_eq!(second.candidates().count(), 0);
    let of_session = first.fingerprints().next().unwrap();
    let own: Vec<_> = second.fingerprints().collect();
    assert!(own[0].is_same(&of_session), "in any case");
    assert_eq!(own[0].digest(), Some(vec![0xab, 0xcd]));
    let bad = |value| super::super::Fingerprint { hash: "sha-256", value }.digest();
    assert_eq!([bad("AB:C"), bad("AB::CD"), bad(""), bad("+1:AB"), bad("ABCD")], [const { None }; 5]);
}

#[test]
fn what_is_written_is_read() {
    let mut sdp = SdpRef::parse(BROWSER.as_bytes()).unwrap().to_description();
    sdp.session_mut().set_attribute("group", Some("BUNDLE a1"));
    let audio = sdp.media_mut(0).unwrap();
    audio.set_attribute("setup", Some(Setup::ActPass.answer().as_str()));
    audio.set_attribute("ice-ufrag", Some("F7gI"));
    audio.set_attribute("fingerprint", Some("sha-256 00:FF"));
    audio.push_attribute("candidate", Some("2 1 udp 1 192.0.2.7 9 typ relay raddr 0.0.0.0 rport 0"));
    audio.set_direction(Direction::RecvOnly);
    sdp.media_mut(1).unwrap().set_port(0);
    let bytes = sdp.to_bytes();
    let sdp = SdpRef::parse(&bytes).unwrap();
    let audio = sdp.media_at(0).unwrap();
    assert_eq!(sdp.bundles().collect::<Vec<_>>(), ["a1"], "one of that name");
    assert_eq!((audio.setup(), audio.ice_ufrag()), (Some(Setup::Active), Some("F7gI")));
    assert_eq!(audio.fingerprints().next().unwrap().digest(), Some(vec![0, 255]), "its own, not the session's");
    assert_eq!(audio.candidates().map(|candidate| candidate.kind).collect::<Vec<_>>(), ["host", "relay"]);
    assert_eq!(audio.direction(), Direction::RecvOnly);
    assert!(sdp.media_at(1).unwrap().is_rejected(), "bundle-only without its group");
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
