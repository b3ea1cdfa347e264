//! `sips:` addresses (RFC 3261 26.2.2, RFC 5630): over TLS alone, never as `sip:`, in both directions.

use offhook_core::endpoint::{AnswerOptions, CallOptions, Endpoint, Error, Server};
use offhook_core::transport::{FlowErrorKind, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, Solo};
use offhook_tests::sip::Text;

fn call(solo: &mut Solo, target: &str) -> Result<(), Error> {
    let options = CallOptions::with_sdp(OFFER);
    solo.act(|endpoint, now| endpoint.call(now, target, options)).map(drop)
}

#[test]
fn a_sips_address_is_called_over_tls_with_a_contact_of_its_kind() {
    let mut solo = Solo::new();
    call(&mut solo, "sips:alice@192.0.2.1").unwrap();
    let (_, target) = solo.opened();
    assert_eq!((target.transport, target.port), (Transport::Tls, 5061));
    solo.connect(false);
    let invite = solo.last("INVITE");
    assert_eq!(invite.start, "INVITE sips:alice@192.0.2.1 SIP/2.0");
    assert_eq!(invite.get("Contact"), "<sips:bob@192.0.2.9:40000>");
    assert!(invite.get("Via").starts_with("SIP/2.0/TLS "), "{}", invite.get("Via"));
}

#[test]
fn a_sips_address_at_a_websocket_is_called_over_wss() {
    let mut solo = Solo::new();
    call(&mut solo, "sips:alice@192.0.2.1;transport=ws").unwrap();
    assert_eq!(solo.opened().1.transport, Transport::Wss);
    solo.connect(true);
    let contact = solo.last("INVITE").get("Contact").to_owned();
    assert!(contact.starts_with("<sips:bob@") && contact.ends_with(".invalid;transport=ws>"), "{contact}");
}

#[test]
fn a_server_that_is_reached_in_the_clear_gets_nothing_for_a_sips_address() {
    for server in ["sip:192.0.2.1", "sip:192.0.2.1;transport=tcp", "ws://192.0.2.1/"] {
        let mut solo = Solo::with(|config| config.server = Some(Server::parse(server).unwrap()));
        let refused = call(&mut solo, "sips:alice@example.com");
        let error = match refused {
            Err(error) => error,
            Ok(()) => {
                solo.connect(false);
                let log = solo.log();
                assert!(log.contains("a sips: address is reached over TLS alone"), "{log}");
                assert!(solo.sent().is_empty(), "{:?}", solo.sent());
                continue;
            }
        };
        match error {
            Error::Transport(error) => assert_eq!(error.kind, FlowErrorKind::Unsupported),
            other => panic!("{other:?}"),
        }
        assert!(solo.sent().is_empty(), "{:?}", solo.sent());
    }
}

#[test]
fn over_tls_a_sip_address_gets_a_sip_contact() {
    let mut solo = Solo::with(|config| config.server = Some(Server::parse("sips:sip.example.com").unwrap()));
    call(&mut solo, "sip:alice@example.com").unwrap();
    solo.connect(false);
    let invite = solo.last("INVITE");
    assert_eq!(invite.start, "INVITE sip:alice@example.com SIP/2.0");
    assert_eq!(invite.get("Contact"), "<sip:bob@192.0.2.9:40000;transport=tls>");
}

#[test]
fn a_sips_address_of_record_is_registered_with_a_sips_contact_and_calls_its_like() {
    let mut solo = Solo::with(|config| {
        *config = offhook_core::endpoint::Config::new("sips:bob@example.com").unwrap();
        config.server = Some(Server::parse("sips:sip.example.com").unwrap());
    });
    solo.act(Endpoint::register);
    solo.connect(false);
    let register = solo.last("REGISTER");
    assert_eq!(register.start, "REGISTER sips:example.com SIP/2.0");
    assert!(register.get("Contact").starts_with("<sips:bob@192.0.2.9:40000>;"), "{}", register.get("Contact"));
    assert!(register.get("From").contains("<sips:bob@example.com>"), "{}", register.get("From"));
    let contact = format!("{};expires=77", register.get("Contact"));
    solo.receive(&Text::response(&register.bytes(), 200, "r").add("Contact", &contact));
    assert!(solo.log().contains("registered for 77"), "the lifetime of our own contact");
    call(&mut solo, "alice").unwrap();
    assert_eq!(solo.last("INVITE").start, "INVITE sips:alice@example.com SIP/2.0");
}

// ---- being called

fn invite(uri: &str) -> Text {
    let mut invite = Text::request("INVITE", "z9hG4bK-i").add("Contact", "<sips:alice@192.0.2.1>").sdp(OFFER);
    invite.start = format!("INVITE {uri} SIP/2.0");
    invite
}

/// The Contact of the 200 to a call that came over TLS.
fn contact_of_answer(invite: &Text) -> String {
    let mut solo = Solo::new();
    solo.path = solo.flow(Transport::Tls);
    let call = solo.called(invite);
    let options = AnswerOptions::with_sdp(ANSWER);
    solo.act(|endpoint, now| endpoint.answer(now, call, options));
    solo.last("200 INVITE").get("Contact").to_owned()
}

#[test]
fn who_calls_a_sips_address_over_tls_is_told_one() {
    assert_eq!(contact_of_answer(&invite("sips:bob@192.0.2.9")), "<sips:bob@192.0.2.9:5060>");
}

#[test]
fn the_top_record_route_or_else_the_contact_of_the_caller_decides_as_well() {
    let sip = "sip:bob@192.0.2.9";
    assert_eq!(contact_of_answer(&invite(sip)), "<sips:bob@192.0.2.9:5060>", "the caller's contact is sips");
    let routed = invite(sip).add("Record-Route", "<sips:proxy.example.com;lr>");
    assert_eq!(contact_of_answer(&routed), "<sips:bob@192.0.2.9:5060>");
    let routed = invite(sip).add("Record-Route", "<sip:proxy.example.com;lr>");
    assert_eq!(contact_of_answer(&routed), "<sip:bob@192.0.2.9:5060;transport=tls>", "the route decides");
}

#[test]
fn who_calls_a_sips_address_in_the_clear_is_refused_with_the_warning() {
    let mut solo = Solo::new();
    solo.receive(&invite("sips:bob@192.0.2.9"));
    let refusal = solo.last("480 INVITE");
    assert_eq!(refusal.get("Warning"), "380 example.com \"SIPS Not Allowed\"");
    assert!(solo.events().is_empty());
}
