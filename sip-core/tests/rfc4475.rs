//! The torture messages of RFC 4475, as datagrams and over a stream, judged at the level of messages.
//!
//! `Accepted` means parsed and fit for processing: what is left to say (401, 415, 420 …) is not the message layer's.
//! `Answered` is the response the request gets: refused by `Message::parse` and salvaged, or by `Request::check`.
//! `Dropped` gets no answer.

#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate offhook_wasm_test;

use bytes::Bytes;
use offhook_core::message::{Frame, Limits, Message, Rejection, Request, StreamDecoder};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Answered(u16),
    Dropped,
}

use Verdict::{Accepted, Answered, Dropped};

/// The section, the file, what it is about, and the verdict.
macro_rules! table {
    ($($section:literal $file:literal $about:literal $verdict:expr;)*) => {
        const TABLE: &[(&str, &str, &str, &[u8], Verdict)] = &[$((
            $section,
            $file,
            $about,
            include_bytes!(concat!("../../tests/vectors/rfc4475/", $file, ".dat")),
            $verdict,
        )),*];
    };
}

#[rustfmt::skip]
table! {
    "3.1.1.1"  "wsinv"      "a short tortuous INVITE"                       Accepted;
    "3.1.1.2"  "intmeth"    "wide range of valid characters"                Accepted;
    "3.1.1.3"  "esc01"      "valid use of the % escaping mechanism"         Accepted;
    "3.1.1.4"  "escnull"    "escaped nulls in URIs"                         Accepted;
    "3.1.1.5"  "esc02"      "use of % when it is not an escape"             Accepted;
    "3.1.1.6"  "lwsdisp"    "no LWS between display name and <"             Accepted;
    "3.1.1.7"  "longreq"    "long values in header fields"                  Accepted;
    "3.1.1.8"  "dblreq"     "extra trailing octets in a UDP datagram"       Accepted;
    "3.1.1.9"  "semiuri"    "semicolon-separated parameters in user part"   Accepted;
    "3.1.1.10" "transports" "varied and unknown transport types"            Accepted;
    "3.1.1.11" "mpart01"    "multipart MIME message"                        Accepted;
    "3.1.1.12" "unreason"   "unusual reason phrase"                         Accepted;
    "3.1.1.13" "noreason"   "empty reason phrase"                           Accepted;

    "3.1.2.1"  "badinv01"   "extraneous header field separators"            Answered(400);
    "3.1.2.2"  "clerr"      "Content-Length larger than message"            Answered(400);
    "3.1.2.3"  "ncl"        "negative Content-Length"                       Answered(400);
    "3.1.2.4"  "scalar02"   "request scalar fields with overlarge values"   Answered(400);
    "3.1.2.5"  "scalarlg"   "response scalar fields with overlarge values"  Dropped;
    "3.1.2.6"  "quotbal"    "unterminated quoted string in display name"    Answered(400);
    "3.1.2.7"  "ltgtruri"   "<> enclosing Request-URI"                      Answered(400);
    "3.1.2.8"  "lwsruri"    "embedded LWS in Request-URI"                   Answered(400);
    // May be rejected or read liberally: the extra spaces leave no doubt.
    "3.1.2.9"  "lwsstart"   "multiple SP separating request-line elements"  Accepted;
    "3.1.2.10" "trws"       "SP characters at end of request-line"          Accepted;
    "3.1.2.11" "escruri"    "escaped headers in SIP Request-URI"            Answered(400);
    // Should not be rejected unless the date matters.
    "3.1.2.12" "baddate"    "invalid time zone in Date header field"        Accepted;
    "3.1.2.13" "regbadct"   "failure to enclose name-addr URI in <>"        Answered(400);
    // May be rejected or read liberally: spaces at the brackets leave no doubt.
    "3.1.2.14" "badaspec"   "spaces within addr-spec"                       Accepted;
    "3.1.2.15" "baddn"      "non-token characters in display name"          Answered(400);
    "3.1.2.16" "badvers"    "unknown protocol version"                      Answered(505);
    "3.1.2.17" "mismatch01" "start line and CSeq method mismatch"           Answered(400);
    "3.1.2.18" "mismatch02" "unknown method with CSeq method mismatch"      Answered(501);
    "3.1.2.19" "bigcode"    "overlarge response code"                       Dropped;

    // The transaction layer falls back to RFC 2543 matching, or rejects.
    "3.2.1"    "badbranch"  "missing transaction identifier"                Accepted;

    "3.3.1"    "insuf"      "missing required header fields"                Answered(400);
    "3.3.2"    "unkscm"     "Request-URI with unknown scheme"               Answered(416);
    "3.3.3"    "novelsc"    "Request-URI with known but atypical scheme"    Answered(416);
    "3.3.4"    "unksm2"     "unknown URI schemes in header fields"          Accepted;
    "3.3.5"    "bext01"     "Proxy-Require and Require"                     Accepted;
    "3.3.6"    "invut"      "unknown Content-Type"                          Accepted;
    "3.3.7"    "regaut01"   "unknown Authorization scheme"                  Accepted;
    "3.3.8"    "multi01"    "multiple values in single value fields"        Answered(400);
    "3.3.9"    "mcl01"      "multiple Content-Length values"                Answered(400);
    "3.3.10"   "bcast"      "200 OK response with broadcast Via"            Dropped;
    "3.3.11"   "zeromf"     "Max-Forwards of zero"                          Accepted;
    "3.3.12"   "cparam01"   "REGISTER with a contact header parameter"      Accepted;
    "3.3.13"   "cparam02"   "REGISTER with a url-parameter"                 Accepted;
    "3.3.14"   "regescrt"   "REGISTER with a URL escaped header"            Accepted;
    "3.3.15"   "sdp01"      "unacceptable Accept offering"                  Accepted;

    "3.4.1"    "inv2543"    "INVITE with RFC 2543 syntax"                   Accepted;
    // Not in the RFC's text: a start line without a version, and no Via to answer to.
    "-"        "test"       "hardly a message"                              Dropped;
}

/// As an endpoint would: parse, check, and salvage what can be answered.
fn judge(bytes: &Bytes) -> Verdict {
    let limits = Limits::default();
    match Message::parse(bytes.clone(), &limits) {
        Ok(Message::Response(response)) => response.check().map_or(Dropped, |()| Accepted),
        Ok(Message::Request(request)) => match request.check() {
            Ok(()) => Accepted,
            Err(rejection) => Answered(rejection.status.code()),
        },
        Err(error) => match Request::salvage(bytes.clone(), &limits) {
            Some(_) => Answered(Rejection::from(error).status.code()),
            None => Dropped,
        },
    }
}

#[test]
fn datagrams() {
    let wrong: Vec<_> = TABLE
        .iter()
        .map(|(section, file, about, bytes, expected)| {
            (section, file, about, expected, judge(&Bytes::from_static(bytes)))
        })
        .filter(|(_, _, _, expected, found)| *expected != found)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(TABLE.len(), 50);
}

#[test]
fn streams() {
    for (_, file, about, bytes, _) in TABLE {
        let mut decoder = StreamDecoder::new(&Limits::default());
        decoder.push(bytes);
        let first = decoder.next_frame();
        match *file {
            // No length, a length that is none, or two: the stream cannot be followed any further.
            "inv2543" | "ncl" | "mcl01" => assert!(first.is_err(), "{file}: {about}"),
            // Waiting for the rest.
            "clerr" | "baddn" => assert_eq!(first, Ok(None), "{file}: {about}"),
            _ => {
                let Ok(Some(Frame::Message(message))) = first else { panic!("{file}: {about}: {first:?}") };
                assert!(bytes.starts_with(&message), "{file}: {about}");
            }
        }
    }
}

#[test]
fn every_accessor_of_every_message_keeps_calm() {
    for (_, _, _, bytes, _) in TABLE {
        let Ok(message) = Message::parse(Bytes::from_static(bytes), &Limits::default()) else { continue };
        let fields = message.fields();
        for (name, _) in fields.iter() {
            let name = offhook_core::message::Name::parse(name);
            let _ = (
                fields.text(name),
                fields.number(name),
                fields.address(name),
                fields.item(name),
                fields.replaces(name),
            );
            let _ = (fields.addresses(name).count(), fields.tokens(name).count(), fields.challenges(name).count());
        }
        let _ = (fields.contacts().count(), fields.vias().count(), fields.cseq(), fields.rack(), fields.content_type());
    }
}
