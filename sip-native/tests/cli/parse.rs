use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/rfc4475");

/// The messages of RFC 4475 that cannot be taken as they are, and the field that is to blame.
const BAD: [(&str, &str); 18] = [
    ("baddn", "From"),
    ("badinv01", "Via"),
    ("badvers", "start line"),
    ("bigcode", "start line"),
    ("clerr", "Content-Length"),
    ("escruri", "message"),
    ("insuf", "From"),
    ("ltgtruri", "Request-URI"),
    ("lwsruri", "Request-URI"),
    ("mcl01", "Content-Length"),
    ("mismatch01", "message"),
    ("mismatch02", "message"),
    ("multi01", "CSeq"),
    ("ncl", "Content-Length"),
    ("quotbal", "To"),
    ("regbadct", "Contact"),
    ("scalar02", "CSeq"),
    ("scalarlg", "CSeq"),
];

fn parse(message: &[u8], args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_offhook"))
        .arg("parse")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may stop reading at its limit.
    let _ = child.stdin.take().unwrap().write_all(message);
    child.wait_with_output().unwrap()
}

/// The JSON of a message, its errors in words, its exit code.
fn told(message: &[u8], args: &[&str]) -> (Value, String, i32) {
    let output = parse(message, args);
    let report = serde_json::from_slice(&output.stdout).expect("standard output is JSON");
    (report, String::from_utf8(output.stderr).unwrap(), output.status.code().expect("it does not crash"))
}

#[test]
fn the_torture_messages_pass_or_fail_by_name() {
    let mut count = 0;
    for entry in fs::read_dir(VECTORS).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "dat") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
        let (report, words, code) = told(&fs::read(&path).unwrap(), &["--json"]);
        let blamed = report["errors"].get(0).map(|error| error["field"].as_str().unwrap());
        // `test` is no message of the RFC's but a line of text.
        let expected = BAD.iter().find(|(bad, _)| *bad == name).map(|(_, field)| *field);
        let expected = if name == "test" { Some("start line") } else { expected };
        assert_eq!(blamed, expected, "{name}");
        assert_eq!(code, i32::from(expected.is_some()), "{name}");
        assert_eq!(words.is_empty(), expected.is_none(), "{name}: {words}");
        count += 1;
    }
    assert!(count >= 49, "only {count} messages in {VECTORS}");
}

#[test]
fn a_message_is_told_field_by_field() {
    let message = "INVITE sip:bob@[2001:db8::1]:5070;transport=tcp SIP/2.0\r\n\
        v: SIP/2.0/UDP a.example;branch=z9hG4bK1, SIP/2.0/TCP 192.0.2.1:5061;rport\r\n\
        Via: SIP/2.0/WSS b.invalid;branch=z9hG4bK3\r\n\
        From: \"Al \\\"A\\\"\" <sip:alice@example.com>;tag=1\r\n\
        To: <tel:+1-201;ext=7>\r\n\
        Call-ID: x@y\r\n\
        CSeq: 7 INVITE\r\n\
        Contact: <sip:alice@192.0.2.1>;expires=60\r\n\
        Supported: 100rel, timer\r\n\
        X-Mine: anything\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length: 67\r\n\r\n\
        v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nsurplus";
    let (report, words, code) = told(message.as_bytes(), &[]);
    assert_eq!((code, words.as_str()), (0, ""));
    assert_eq!(report["kind"], "request");
    assert_eq!(report["method"], "INVITE");
    assert_eq!(report["uri"]["host"], "2001:db8::1");
    assert_eq!(report["uri"]["port"], 5070);
    assert_eq!(report["uri"]["params"], json!({ "transport": "tcp" }));
    let header = |index: usize| &report["headers"][index];
    assert_eq!(header(0)["name"], "v");
    assert_eq!(
        header(0)["parsed"],
        json!([
            { "transport": "UDP", "host": "a.example", "port": null, "params": { "branch": "z9hG4bK1" } },
            { "transport": "TCP", "host": "192.0.2.1", "port": 5061, "params": { "rport": true } },
        ])
    );
    assert_eq!(header(1)["parsed"][0]["transport"], "WSS");
    assert_eq!(header(2)["parsed"][0]["displayName"], "Al \"A\"");
    assert_eq!(header(2)["parsed"][0]["params"]["tag"], "1");
    assert_eq!(header(3)["parsed"][0]["uri"]["number"], "+1-201");
    assert_eq!(header(5)["parsed"], json!([{ "number": 7, "method": "INVITE" }]));
    assert_eq!(header(6)["parsed"][0]["params"]["expires"], "60");
    assert_eq!(header(7)["parsed"], json!(["100rel", "timer"]));
    assert_eq!(header(8), &json!({ "name": "X-Mine", "value": "anything" }));
    assert_eq!(report["body"]["length"], 67);
    assert_eq!(report["body"]["sdp"]["media"][0]["port"], 4000);
    assert_eq!(report["body"]["sdp"]["media"][0]["codecs"][0]["encoding"], "PCMU");
    assert_eq!(report["surplus"], 7);
}

#[test]
fn an_error_names_field_and_place() {
    let message = "OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP a:port\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n\
        Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
    let (report, words, code) = told(message.as_bytes(), &["--json"]);
    assert_eq!(code, 1);
    let error = &report["errors"][0];
    assert_eq!((&error["field"], &error["offset"]), (&json!("Via"), &json!(44)));
    assert_eq!((&error["line"], &error["column"]), (&json!(2), &json!(20)));
    assert!(
        words.starts_with("offhook parse: Via: ") && words.ends_with("at byte 44 (line 2, column 20)\n"),
        "{words}"
    );
    assert_eq!(report["headers"][4]["parsed"][0]["number"], 1, "the rest is told all the same");

    let (report, words, code) = told(&[b'x'; 100_000], &["--json"]);
    assert_eq!((code, &report["errors"][0]["field"]), (1, &json!("message")));
    assert!(words.contains("too long"), "{words}");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    assert_eq!(parse(b"", &["--no-such-option"]).status.code(), Some(2));
}
