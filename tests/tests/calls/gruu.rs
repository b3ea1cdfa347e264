//! What registrars say beside the time: routes (RFC 3608), GRUUs (RFC 5627), pushes (RFC 8599), and who else is registered.

use offhook_core::endpoint::{Config, Endpoint, Event, GruuUse, Outcome, Push, Server};
use offhook_core::message::Uri;
use offhook_tests::endpoint::Solo;
use offhook_tests::sip::Text;

const INSTANCE: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const PUBLIC: &str = "sip:bob@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const TEMPORARY: &str = "sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr";

fn registering(set: impl FnOnce(&mut Config)) -> (Solo, Text) {
    let mut solo = Solo::with(|config| {
        config.server = Some(Server::parse("192.0.2.1").expect("a server"));
        config.instance = Some(INSTANCE.into());
        set(config);
    });
    solo.act(Endpoint::register);
    let request = solo.last("REGISTER");
    (solo, request)
}

fn grant(solo: &mut Solo, request: &Text, more: &str, headers: &[(&str, &str)]) {
    let contact = format!("{};expires=300{more}", request.get("Contact"));
    let mut response = Text::response(&request.bytes(), 200, "r").add("Contact", &contact);
    for (name, value) in headers {
        response = response.add(name, value);
    }
    solo.receive(&response);
}

// RFC 3608 6.1
#[test]
fn a_service_route_leads_requests_outside_of_dialogs() {
    let (mut solo, request) = registering(|_| {});
    assert!(request.get("Supported").contains("path"));
    let routes = [("Service-Route", "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>"), ("Path", "<sip:x;lr>")];
    grant(&mut solo, &request, "", &routes);
    let (_, invite) = solo.call();
    assert_eq!(invite.all("Route"), ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]);
    // The next answer has none: it is forgotten, and a REGISTER never takes it.
    let refresh = solo.until("REGISTER", 2);
    assert!(refresh.all("Route").is_empty());
    grant(&mut solo, &refresh, "", &[]);
    assert!(solo.call().1.all("Route").is_empty());
}

#[test]
fn a_service_route_that_is_not_loose_is_not_taken() {
    let (mut solo, request) = registering(|_| {});
    grant(&mut solo, &request, "", &[("Service-Route", "<sip:p1.example.com;lr>, <sip:p2.example.com>")]);
    assert!(solo.call().1.all("Route").is_empty());
}

// RFC 5627 4.4
#[test]
fn a_gruu_is_told_in_calls_while_it_is_good() {
    let gruus = format!(";pub-gruu=\"{PUBLIC}\";temp-gruu=\"{TEMPORARY}\"");
    for (used, expected) in
        [(GruuUse::Public, PUBLIC), (GruuUse::Temporary, TEMPORARY), (GruuUse::Never, "sip:bob@192.0.2.9:5060")]
    {
        let (mut solo, request) = registering(|config| config.gruu = used);
        assert_eq!(request.get("Supported").contains("gruu"), used != GruuUse::Never);
        assert_eq!(solo.call().1.get("Contact"), "<sip:bob@192.0.2.9:5060>", "not before");
        grant(&mut solo, &request, &gruus, &[]);
        assert_eq!(solo.call().1.get("Contact"), format!("<{expected}>"));
        let info = solo.endpoint.inspect_registration();
        assert_eq!((info.gruu.as_deref(), info.temporary_gruu.as_deref()), (Some(PUBLIC), Some(TEMPORARY)));
        solo.act(Endpoint::unregister);
        let request = solo.last("REGISTER");
        assert!(request.get("Contact").starts_with("<sip:bob@192.0.2.9:5060>"), "a registration names the address");
        solo.receive(&Text::response(&request.bytes(), 200, "r"));
        assert_eq!(solo.call().1.get("Contact"), "<sip:bob@192.0.2.9:5060>", "nor after");
    }
}

#[test]
fn a_gruu_of_another_instance_is_not_ours() {
    let (mut solo, request) = registering(|_| {});
    let other = "<sip:bob@192.0.2.77>;+sip.instance=\"<urn:uuid:0>\";pub-gruu=\"sip:bob@example.com;gr=x\"";
    grant(&mut solo, &request, "", &[("Contact", other)]);
    assert_eq!(solo.call().1.get("Contact"), "<sip:bob@192.0.2.9:5060>");
    let ours: Vec<bool> = solo.endpoint.inspect_registration().bindings.iter().map(|binding| binding.ours).collect();
    assert_eq!(ours, [true, false]);
}

// RFC 8599 4.1
#[test]
fn a_push_service_is_named_to_the_registrar_alone() {
    let (mut solo, request) = registering(|config| config.push = Some(Push::new("webpush", "a=b;c", Some("app"))));
    let contact = request.get("Contact");
    assert!(contact.contains(";pn-provider=webpush;pn-param=app;pn-prid=a%3Db%3Bc>"), "{contact}");
    assert!(contact.ends_with(";+sip.pnsreg"), "{contact}");
    let caps = "*;+sip.pns=\"webpush\";+sip.vapid=\"key\";+sip.pnspurr=\"1qw2\"";
    grant(&mut solo, &request, "", &[("Feature-Caps", caps)]);
    let push = solo.endpoint.inspect_registration().push.expect("an answer");
    assert_eq!((push.accepted, push.margin, push.vapid.as_deref()), (true, None, Some("key")));
    let (_, invite) = solo.call();
    assert_eq!(invite.get("Contact"), "<sip:bob@192.0.2.9:5060;pn-purr=1qw2>");
    // It is a push that wakes us, not a timer.
    solo.at(290_000);
    assert_eq!(solo.times("REGISTER").len(), 1);
    solo.act(Endpoint::register);
    assert_eq!(solo.times("REGISTER").len(), 2);
    let request = solo.last("REGISTER");
    grant(&mut solo, &request, "", &[("Feature-Caps", caps)]);
    solo.act(Endpoint::unregister);
    assert!(!solo.last("REGISTER").get("Contact").contains("pn-prid"), "4.1.2");
}

// RFC 8599 6.1.1: also where the Contact is a GRUU
#[test]
fn who_is_woken_within_calls_says_so_behind_a_gruu_too() {
    let (mut solo, request) = registering(|config| {
        config.push = Some(Push::new("webpush", "x", None));
        config.gruu = GruuUse::Public;
    });
    let caps = [("Feature-Caps", "*;+sip.pns=\"webpush\";+sip.pnspurr=\"1qw2\"")];
    grant(&mut solo, &request, &format!(";pub-gruu=\"{PUBLIC}\""), &caps);
    let contact = solo.call().1.get("Contact").to_owned();
    assert_eq!(contact, format!("<{PUBLIC};pn-purr=1qw2>"));
    let uri = |text: &str| Uri::parse(text).expect("a URI");
    assert!(uri(PUBLIC).view().equivalent(&uri(contact.trim_matches(['<', '>'])).view()), "it is the same GRUU");
}

#[test]
fn a_server_that_does_not_push_is_not_asked_again() {
    let (mut solo, request) = registering(|config| config.push = Some(Push::new("apns", "x", None)));
    solo.receive(&Text::response(&request.bytes(), 555, "r"));
    assert!(solo.log().contains("failed: 555"));
    solo.finish();
    assert!(!format!("{:?}", Push::new("apns", "s3cret", None)).contains("s3cret"));
}

// JsSIP, SIP.js: a 45 kB Contact list blocks the thread for 240 ms
#[test]
fn a_list_of_hundreds_of_contacts_is_read() {
    let (mut solo, request) = registering(|_| {});
    let other = |number: u32| {
        format!(
            "<sip:bob@192.0.2.77:{number};transport=ws;x=01234567890123456789012345678901234567890123456789>;expires=60"
        )
    };
    // In many lines, and in one.
    let in_one = |number: u32| other(20_000 + number);
    let all: Vec<String> = (0..495).map(in_one).collect();
    let list = format!("{}, {};expires=77", all.join(", "), request.get("Contact"));
    assert!(list.len() > 45_000);
    solo.receive(&Text::response(&request.bytes(), 200, "r").add("Contact", &list));
    assert!(solo.log().ends_with("done: registered for 77 s\n"));
    solo.act(Endpoint::register);
    let request = solo.last("REGISTER");
    let mut response = Text::response(&request.bytes(), 200, "r");
    for line in 0..45 {
        let contacts: Vec<String> = (0..11).map(|number| other(10_000 + line * 11 + number)).collect();
        response = response.add("Contact", &contacts.join(", "));
    }
    response = response.add("Contact", &format!("{};expires=1234;q=0.5", request.get("Contact")));
    assert!(response.bytes().len() > 45_000);
    solo.receive(&response);
    assert!(solo.log().ends_with("done: registered for 1234 s\n"));
    let bindings = solo.endpoint.inspect_registration().bindings;
    assert_eq!((bindings.len(), bindings[0].expires), (496, Some(60)));
    assert_eq!((bindings[495].ours, bindings[495].priority), (true, Some(500)));
}

// RFC 3261 10.2.2, 10.2.3; RFC 3665 2.3
#[test]
fn bindings_are_listed_and_taken_away() {
    let (mut solo, request) = registering(|config| config.priority = Some(700));
    assert!(request.get("Contact").ends_with(";q=0.700"));
    grant(&mut solo, &request, "", &[]);
    solo.events();
    solo.act(Endpoint::bindings);
    let list = solo.last("REGISTER");
    assert_eq!((list.get("Contact"), list.get("Expires"), list.get("CSeq")), ("", "", "2 REGISTER"));
    // The last is ours, though this registrar does not keep the instance.
    let listed = "<sip:a@b>;expires=7, <sip:c@d>, <SIP:bob@192.0.2.9:5060>;expires=200";
    solo.receive(&Text::response(&list.bytes(), 200, "r").add("Contact", listed));
    let events = solo.events();
    let [Event::Done { result: Ok(Outcome::Bindings(bindings)), .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&*bindings[0].uri, bindings[0].expires, bindings.len()), ("sip:a@b", Some(7), 3));
    assert_eq!(bindings.iter().map(|binding| binding.ours).collect::<Vec<_>>(), [false, false, true]);
    solo.act(Endpoint::clear_bindings);
    let clear = solo.last("REGISTER");
    assert_eq!((clear.get("Contact"), clear.get("Expires")), ("*", "0"));
    solo.receive(&Text::response(&clear.bytes(), 200, "r"));
    let anew = solo.last("REGISTER");
    assert_eq!((anew.get("CSeq"), anew.get("Expires")), ("4 REGISTER", "300"));
}
