use super::*;
use crate::sdp::CryptoSuite;
use proptest::prelude::*;

fn can(codecs: Vec<Codec>) -> Capabilities {
    Capabilities { codecs, ..Capabilities::default() }
}

fn at(address: &str) -> Local {
    Local { address: address.parse().unwrap(), port: 4000, direction: Direction::SendRecv, session_id: 3, version: 1 }
}

fn parse(media: &str) -> SessionDescription {
    let text = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=5 6\r\n{media}");
    SessionDescription::parse(text.as_bytes()).unwrap()
}

#[test]
fn an_offer_reads_like_this() {
    let sdp = offer(&can(vec![Codec::opus(96), Codec::pcmu()]), &at("192.0.2.1"));
    let expected = "v=0\r\no=- 3 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 96 0 101 97\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
        a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n\
        a=rtpmap:97 telephone-event/48000\r\na=fmtp:97 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(sdp.to_string(), expected);
}

#[test]
fn telephone_events_go_at_the_clock_rate_of_the_format() {
    let browser = parse(
        "m=audio 9000 RTP/AVP 111 0 110 126\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n\
         a=rtpmap:126 telephone-event/8000\r\n",
    );
    for (codec, number) in [(Codec::opus(96), 110), (Codec::pcmu(), 126)] {
        let (sdp, stream) = answer(&browser.view(), &can(vec![codec.clone()]), &at("192.0.2.2")).unwrap();
        assert_eq!(stream.telephone_event, Some(number));
        assert_eq!(sdp.media_at(0).unwrap().telephone_event(codec.clock), Some(number), "and that alone is answered");
        assert_eq!(sdp.media_at(0).unwrap().formats().count(), 2);
    }
    let formats = |codecs: Vec<Codec>, events| {
        let sdp = offer(&Capabilities { telephone_event: events, ..can(codecs) }, &at("192.0.2.1"));
        sdp.media_at(0).unwrap().line().formats.to_owned()
    };
    assert_eq!(formats(vec![Codec::opus(101)], Some(102)), "101 102");
    assert_eq!(formats(vec![Codec::opus(97), Codec::pcmu(), Codec::pcma()], Some(96)), "97 0 8 96 98");
    assert_eq!(formats(vec![Codec::pcmu()], None), "0");
}

#[test]
fn an_answer_keeps_the_shape_of_the_offer() {
    let offered = parse(
        "m=video 5000 RTP/AVP 31 32\r\n\
         m=audio 6000 RTP/SAVP 0\r\n\
         m=audio 7000 RTP/AVP 18 107 8 100 0\r\na=rtpmap:107 pcmu/8000\r\na=rtpmap:100 telephone-event/8000\r\n\
         a=ptime:30\r\na=sendonly\r\n\
         m=audio 8000 RTP/AVP 0\r\n",
    );
    let (sdp, stream) = answer(&offered.view(), &can(vec![Codec::pcma(), Codec::pcmu()]), &at("192.0.2.2")).unwrap();
    let expected = "v=0\r\no=- 3 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=5 6\r\n\
        m=video 0 RTP/AVP 31 32\r\nm=audio 0 RTP/SAVP 0\r\n\
        m=audio 4000 RTP/AVP 107 8 0 100\r\na=rtpmap:107 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-16\r\na=ptime:20\r\na=recvonly\r\n\
        m=audio 0 RTP/AVP 0\r\n";
    assert_eq!(sdp.to_string(), expected);
    assert_eq!((stream.index, stream.codec.payload, stream.telephone_event), (2, 107, Some(100)));
    assert_eq!((&*stream.remote_host, stream.remote_port, stream.ptime), ("192.0.2.1", 7000, Some(30)));
    assert_eq!((stream.remote_rtcp_port, stream.keys.is_none()), (7001, true));
    assert_eq!(stream.direction, Direction::RecvOnly);
    assert_eq!(check_answer(&offered.view(), &sdp.view()), Ok(()));
}

#[test]
fn the_order_of_formats_may_be_ones_own() {
    let offered = parse("m=audio 7000 RTP/AVP 0 8\r\n");
    let mut capabilities = can(vec![Codec::pcma(), Codec::pcmu()]);
    let (_, stream) = answer(&offered.view(), &capabilities, &at("192.0.2.2")).unwrap();
    assert_eq!(&*stream.codec.encoding, "PCMU");
    assert_eq!(stream.telephone_event, None, "it was not offered");
    capabilities.own_order = true;
    let (sdp, stream) = answer(&offered.view(), &capabilities, &at("192.0.2.2")).unwrap();
    assert_eq!(&*stream.codec.encoding, "PCMA");
    assert_eq!(sdp.media_at(0).unwrap().line().formats, "8 0");
}

#[test]
fn what_cannot_be_answered_is_said() {
    let capabilities = can(vec![Codec::pcmu()]);
    let refuse = |sdp: &SessionDescription| answer(&sdp.view(), &capabilities, &at("192.0.2.2")).unwrap_err();
    assert_eq!(refuse(&parse("")), NegotiationError::NoMedia);
    assert_eq!(refuse(&parse("m=audio 7000 RTP/AVP 18\r\n")), NegotiationError::NothingInCommon);
    assert_eq!(refuse(&parse("m=audio 0 RTP/AVP 0\r\n")), NegotiationError::NothingInCommon);
}

#[test]
fn the_offerer_sends_with_the_answers_numbers_and_receives_with_its_own() {
    let ours = offer(&can(vec![Codec::opus(96), Codec::pcmu()]), &at("192.0.2.1"));
    let theirs = parse(
        "m=audio 9000 RTP/AVP 97 111\r\na=rtpmap:97 telephone-event/48000\r\na=rtpmap:111 OPUS/48000/2\r\n\
         a=fmtp:111 stereo=1\r\na=recvonly\r\n",
    );
    let stream = complete(&ours.view(), &theirs.view()).unwrap();
    assert_eq!((stream.codec.payload, stream.receive_payload), (111, 96));
    assert_eq!(stream.codec.fmtp.as_deref(), Some("stereo=1"));
    assert_eq!((stream.telephone_event, stream.direction), (Some(97), Direction::SendOnly));

    let nowhere = parse("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    assert_eq!(complete(&ours.view(), &nowhere.view()).unwrap().direction, Direction::RecvOnly);
}

fn keys(suites: &[CryptoSuite], fill: u8) -> Vec<Crypto> {
    let key =
        |(tag, suite): (u32, &CryptoSuite)| Crypto::new(tag, *suite, &vec![fill; suite.material_length()]).unwrap();
    (1..).zip(suites).map(key).collect()
}

fn protected(suites: &[CryptoSuite], fill: u8) -> Capabilities {
    Capabilities { crypto: keys(suites, fill), secure: true, rtcp_mux: true, ..can(vec![Codec::pcmu()]) }
}

#[test]
fn keys_go_both_ways_in_the_suite_that_both_have() {
    use CryptoSuite::{AeadAes128Gcm, AesCm128HmacSha1_32, AesCm128HmacSha1_80};
    let offerer = protected(&[AeadAes128Gcm, AesCm128HmacSha1_80, AesCm128HmacSha1_32], 1);
    let answerer = Capabilities { secure: false, ..protected(&[AesCm128HmacSha1_32, AesCm128HmacSha1_80], 2) };
    let offered = offer(&offerer, &at("192.0.2.1"));
    assert_eq!(offered.media_at(0).unwrap().protocol(), "RTP/SAVP");
    let (answered, theirs) = answer(&offered.view(), &answerer, &at("192.0.2.2")).unwrap();
    let text = answered.to_string();
    assert!(text.contains("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:AgIC") && text.contains("a=rtcp-mux"), "{text}");
    assert_eq!(text.matches("a=crypto").count(), 1);
    let ours = complete(&offered.view(), &answered.view()).unwrap();
    let (ours_keys, theirs_keys) = (ours.keys.clone().unwrap(), theirs.keys.clone().unwrap());
    assert_eq!((&ours_keys.send, &ours_keys.receive), (&theirs_keys.receive, &theirs_keys.send));
    assert_eq!(ours_keys.send.master_key(), [1; 16]);
    assert!(ours.rtcp_mux && theirs.rtcp_mux);
    assert_eq!((ours.remote_rtcp_port, theirs.remote_rtcp_port), (4000, 4000));
    let shown = format!("{ours:?}");
    assert!(!shown.contains("AgIC") && !shown.contains("2, 2, 2"), "{shown}");
}

#[test]
fn encryption_is_not_given_up_in_silence() {
    let suite = CryptoSuite::AesCm128HmacSha1_80;
    let secure = protected(&[suite], 1);
    let plain = can(vec![Codec::pcmu()]);
    let refuse = |offerer: &Capabilities, answerer: &Capabilities| {
        answer(&offer(offerer, &at("192.0.2.1")).view(), answerer, &at("192.0.2.2")).unwrap_err()
    };
    assert_eq!(refuse(&plain, &secure), NegotiationError::Encryption, "plain audio to an end that takes none");
    assert_eq!(refuse(&secure, &plain), NegotiationError::Encryption, "SRTP to an end that has no key");
    let other = protected(&[CryptoSuite::AeadAes256Gcm], 2);
    assert_eq!(refuse(&secure, &other), NegotiationError::Encryption, "no suite in common");

    let offered = offer(&secure, &at("192.0.2.1"));
    let of = |crypto: &str| {
        let answered = parse(&format!("m=audio 9000 RTP/SAVP 0\r\n{crypto}"));
        complete(&offered.view(), &answered.view()).map(|_| ())
    };
    let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    assert_eq!(of(&format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n")), Ok(()));
    for bad in [
        String::new(),
        format!("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"),
        format!("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{key}\r\n"),
    ] {
        assert_eq!(of(&bad), Err(NegotiationError::Encryption), "{bad}");
    }
}

#[test]
fn rtcp_goes_where_the_other_end_says() {
    let ours = offer(&Capabilities { rtcp_mux: true, ..can(vec![Codec::pcmu()]) }, &at("192.0.2.1"));
    let of = |more: &str| {
        let stream = complete(&ours.view(), &parse(&format!("m=audio 9000 RTP/AVP 0\r\n{more}")).view()).unwrap();
        (stream.remote_rtcp_host.to_string(), stream.remote_rtcp_port, stream.rtcp_mux)
    };
    assert_eq!(of(""), ("192.0.2.1".into(), 9001, false));
    assert_eq!(of("a=rtcp:9500\r\n"), ("192.0.2.1".into(), 9500, false));
    assert_eq!(of("a=rtcp:9500 IN IP4 192.0.2.9\r\n"), ("192.0.2.9".into(), 9500, false));
    assert_eq!(of("a=rtcp:9500\r\na=rtcp-mux\r\na=maxptime:40\r\n"), ("192.0.2.1".into(), 9000, true));
}

#[test]
fn a_misshapen_answer_is_refused() {
    let ours = offer(&can(vec![Codec::pcmu()]), &at("192.0.2.1"));
    let check = |media: &str| complete(&ours.view(), &parse(media).view());
    assert_eq!(check(""), Err(NegotiationError::MediaCount { offered: 1, answered: 0 }));
    assert_eq!(check("m=video 1 RTP/AVP 0\r\n"), Err(NegotiationError::MediaKind(0)));
    assert_eq!(check("m=audio 1 RTP/SAVP 0\r\n"), Err(NegotiationError::MediaKind(0)));
    assert_eq!(check("m=audio 0 RTP/SAVP 0\r\n"), Err(NegotiationError::NothingInCommon));
    assert_eq!(check("m=audio 1 RTP/AVP 8\r\n"), Err(NegotiationError::NothingInCommon));
}

fn codecs() -> impl Strategy<Value = Vec<Codec>> {
    let some = vec![Codec::pcmu(), Codec::pcma(), Codec::opus(96)];
    proptest::sample::subsequence(some, 1..=3).prop_shuffle()
}

fn direction() -> impl Strategy<Value = Direction> {
    (any::<bool>(), any::<bool>()).prop_map(|(sends, receives)| Direction::new(sends, receives))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_ends_come_to_the_same_stream(
        a in codecs(), b in codecs(), wish_a in direction(), wish_b in direction(), own_order: bool,
    ) {
        let offered = offer(&can(a.clone()), &Local { direction: wish_a, ..at("192.0.2.1") });
        let answerer = Capabilities { own_order, ..can(b.clone()) };
        let local = Local { direction: wish_b, ..at("192.0.2.2") };
        match answer(&offered.view(), &answerer, &local) {
            Ok((answered, theirs)) => {
                let ours = complete(&offered.view(), &answered.view()).unwrap();
                prop_assert_eq!(ours.codec.map(), theirs.codec.map());
                prop_assert_eq!(ours.direction, theirs.direction.mirror());
                prop_assert_eq!(ours.direction, wish_a.and(wish_b.mirror()));
                prop_assert_eq!(ours.telephone_event, theirs.telephone_event);
                prop_assert_eq!(ours.receive_payload, theirs.codec.payload);
            }
            Err(error) => {
                prop_assert_eq!(error, NegotiationError::NothingInCommon);
                prop_assert!(!a.iter().any(|codec| b.contains(codec)));
            }
        }
    }
}
