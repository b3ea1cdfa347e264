//! The torture messages of RFC 4475 as a user agent answers them, each as a datagram from a stranger. What the message layer
//! alone says of them is held by `sip-core/tests/rfc4475.rs`.

use offhook_core::endpoint::Event;
use offhook_core::transport::Transport;
use offhook_tests::endpoint::{OFFER, Solo};
use offhook_tests::sip::Text;

/// The section, the file, and what is answered at once; an INVITE that rings is `rings`, and nothing at all is `-`.
macro_rules! table {
    ($($section:literal $file:literal [$expected:literal];)*) => {
        const TABLE: &[(&str, &str, &[u8], &str)] = &[$((
            $section,
            $file,
            include_bytes!(concat!("../../vectors/rfc4475/", $file, ".dat")),
            $expected,
        )),*];
    };
}

#[rustfmt::skip]
table! {
    // Its To has a tag that nobody here gave.
    "3.1.1.1"  "wsinv"      ["481 INVITE"];
    "3.1.1.2"  "intmeth"    ["501 !interesting-Method0123456789_*+`.%indeed'~"];
    "3.1.1.3"  "esc01"      ["rings"];
    "3.1.1.4"  "escnull"    ["405 REGISTER"];
    "3.1.1.5"  "esc02"      ["501 RE%47IST%45R"];
    "3.1.1.6"  "lwsdisp"    ["200 OPTIONS"];
    "3.1.1.7"  "longreq"    ["rings"];
    "3.1.1.8"  "dblreq"     ["405 REGISTER"];
    "3.1.1.9"  "semiuri"    ["200 OPTIONS"];
    "3.1.1.10" "transports" ["200 OPTIONS"];
    "3.1.1.11" "mpart01"    ["200 MESSAGE"];
    // Responses to requests that were never sent.
    "3.1.1.12" "unreason"   ["-"];
    "3.1.1.13" "noreason"   ["-"];
    "3.1.2.1"  "badinv01"   ["400 INVITE"];
    "3.1.2.2"  "clerr"      ["400 INVITE"];
    "3.1.2.3"  "ncl"        ["400 INVITE"];
    "3.1.2.4"  "scalar02"   ["400 REGISTER"];
    "3.1.2.5"  "scalarlg"   ["-"];
    "3.1.2.6"  "quotbal"    ["400 INVITE"];
    "3.1.2.7"  "ltgtruri"   ["400 INVITE"];
    "3.1.2.8"  "lwsruri"    ["400 INVITE"];
    "3.1.2.9"  "lwsstart"   ["rings"];
    "3.1.2.10" "trws"       ["200 OPTIONS"];
    "3.1.2.11" "escruri"    ["400 INVITE"];
    "3.1.2.12" "baddate"    ["rings"];
    "3.1.2.13" "regbadct"   ["400 REGISTER"];
    "3.1.2.14" "badaspec"   ["200 OPTIONS"];
    "3.1.2.15" "baddn"      ["400 OPTIONS"];
    "3.1.2.16" "badvers"    ["505 OPTIONS"];
    "3.1.2.17" "mismatch01" ["400 INVITE"];
    "3.1.2.18" "mismatch02" ["501 INVITE"];
    "3.1.2.19" "bigcode"    ["-"];
    "3.2.1"    "badbranch"  ["200 OPTIONS"];
    "3.3.1"    "insuf"      ["400 INVITE"];
    "3.3.2"    "unkscm"     ["416 OPTIONS"];
    "3.3.3"    "novelsc"    ["416 OPTIONS"];
    // A registrar would say 400; an endpoint is none.
    "3.3.4"    "unksm2"     ["405 REGISTER"];
    "3.3.5"    "bext01"     ["420 OPTIONS"];
    "3.3.6"    "invut"      ["415 INVITE"];
    "3.3.7"    "regaut01"   ["405 REGISTER"];
    "3.3.8"    "multi01"    ["400 INVITE"];
    "3.3.9"    "mcl01"      ["400 OPTIONS"];
    "3.3.10"   "bcast"      ["-"];
    // An endpoint is not the one who counts hops.
    "3.3.11"   "zeromf"     ["200 OPTIONS"];
    "3.3.12"   "cparam01"   ["405 REGISTER"];
    "3.3.13"   "cparam02"   ["405 REGISTER"];
    "3.3.14"   "regescrt"   ["405 REGISTER"];
    "3.3.15"   "sdp01"      ["406 INVITE"];
    "3.4.1"    "inv2543"    ["rings"];
    "-"        "test"       ["-"];
}

fn judge(bytes: &'static [u8]) -> String {
    let mut solo = Solo::new();
    solo.bytes(bytes);
    let mut said: Vec<_> = solo.sent().into_iter().map(|(_, label)| label).collect();
    let rings = |event: Event| matches!(event, Event::Incoming { .. });
    if solo.events().into_iter().any(rings) {
        said.push("rings".into());
    }
    let found = if said.is_empty() { "-".into() } else { said.join(", ") };
    // Whatever it was, nothing of it stays for ever.
    solo.finish();
    found
}

#[test]
fn each_gets_the_answer_that_the_rfc_names() {
    let wrong: Vec<_> = TABLE
        .iter()
        .map(|(section, file, bytes, expected)| (section, file, expected, judge(bytes)))
        .filter(|(_, _, expected, found)| *expected != found)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(TABLE.len(), 50);
}

#[test]
fn a_message_whose_end_on_a_stream_cannot_be_known_is_answered_before_the_connection_is_closed() {
    let head = |method: &str, length: &str| {
        format!(
            "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\n\
             From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\
             {length}\r\n"
        )
    };
    for (bytes, expected) in [
        (head("MESSAGE", "Content-Length: 70000\r\n"), "413 MESSAGE"),
        (head("MESSAGE", "Content-Length: -1\r\n"), "400 MESSAGE"),
        (head("MESSAGE", "Content-Length: 1\r\nl: 2\r\n"), "400 MESSAGE"),
        (head("MESSAGE", ""), "400 MESSAGE"),
        (head("ACK", ""), "-"),
        ("x".repeat(70_000), "-"),
    ] {
        let mut solo = Solo::new();
        solo.path = solo.flow(Transport::Tcp);
        let path = solo.path;
        // Whatever the pieces were in which it came.
        let (front, rest) = bytes.split_at(100);
        solo.bytes(front.to_owned());
        assert!(solo.sent().is_empty());
        solo.bytes(rest.to_owned());
        let said: Vec<_> = solo.sent().into_iter().map(|(_, label)| label).collect();
        assert_eq!(if said.is_empty() { "-".into() } else { said.join(", ") }, expected, "{bytes:.400}");
        assert_eq!(solo.flows().1, [path.flow]);
        assert!(solo.log().contains("malformed"), "the application is told");
        solo.finish();
    }
}

#[test]
fn a_body_beyond_the_limit_is_too_large_wherever_it_comes() {
    let mut solo = Solo::with(|config| config.limits.message.message = 600);
    let message = Text::request("MESSAGE", "z9hG4bK1").body("text/plain", &"x".repeat(500));
    solo.receive(&message);
    let answer = solo.last("413 MESSAGE");
    assert!(answer.start.ends_with("Request Entity Too Large") && answer.get("To").contains(";tag="));
    solo.receive(&Text::request("MESSAGE", "z9hG4bK2").add("Subject", &"x".repeat(600)));
    assert_eq!(solo.times("413 MESSAGE").len() + solo.times("513 MESSAGE").len(), 1, "its head is not whole");
}

#[test]
fn who_takes_no_description_in_return_is_told_at_once() {
    let invite = |number: usize, accept: &str| {
        let branch = format!("z9hG4bK-{number}");
        let invite = Text::request("INVITE", &branch).add("Contact", "<sip:alice@192.0.2.1>").sdp(OFFER);
        invite.set("Call-ID", &branch).add("Accept", accept)
    };
    let mut solo = Solo::new();
    for (number, accept) in
        ["application/sdp", "text/plain, */*;q=0.1", "Application/*", "multipart/mixed"].into_iter().enumerate()
    {
        solo.called(&invite(number, accept));
    }
    for (number, accept) in ["", "text/plain", "application/isup, text/*"].into_iter().enumerate() {
        solo.receive(&invite(number + 10, accept));
        let answer = solo.last("406 INVITE");
        assert!(answer.get("Warning").starts_with("399 ") && answer.get("Via").contains(&(number + 10).to_string()));
    }
    assert_eq!(solo.endpoint.census().calls, 4);
}
