//! Which of the shards of a user agent a message belongs to: a response by its From tag, a request within a dialog by its To
//! tag, and any other request by its Call-ID, without a table that all would have to share. A request that names another
//! dialog goes to whose that is: an INVITE by Replaces (RFC 3891) or Join (RFC 3911), a REFER or a SUBSCRIBE by
//! Target-Dialog (RFC 4538).

use std::collections::VecDeque;
use std::str::from_utf8;

use crate::message::{NameAddrRef, Replaces};
use crate::sharding::Sharding;

/// How many INVITEs that went by another dialog's name are remembered, for their CANCELs, which name none.
const REMEMBERED: usize = 256;

/// Tells the shard of each message that comes over one way: a socket, or a connection once it is cut into messages.
#[derive(Debug)]
pub struct Router {
    sharding: Sharding,
    /// INVITEs that went elsewhere than their Call-ID says, and where.
    elsewhere: VecDeque<(Box<str>, usize)>,
}

impl Router {
    /// For so many shards.
    pub fn new(sharding: Sharding) -> Router {
        Router { sharding, elsewhere: VecDeque::new() }
    }

    /// The shard a whole message belongs to. What cannot be read is the first one's, which knows what to say of it.
    pub fn shard_of(&mut self, message: &[u8]) -> usize {
        if self.sharding.count() == 1 {
            return 0;
        }
        // STUN, which no SIP message begins like (RFC 5626 8).
        if message.first().is_some_and(|first| matches!(first, 0 | 1)) {
            return 0;
        }
        let head = Head::read(message);
        let tag = |value: Option<&Value<'_>>| {
            let text = value?.text()?;
            NameAddrRef::parse(&text).ok()?.tag().map(|tag| self.sharding.of(tag))
        };
        if head.is_response {
            return tag(head.from.as_ref()).unwrap_or_default();
        }
        if let Some(shard) = tag(head.to.as_ref()) {
            return shard;
        }
        let Some(call_id) = head.call_id.as_ref().and_then(Value::text) else { return 0 };
        let own = self.sharding.of(&call_id);
        let named = match head.method {
            b"INVITE" => head.replaces.as_ref(),
            b"REFER" | b"SUBSCRIBE" => head.target_dialog.as_ref(),
            b"CANCEL" => {
                let known = self.elsewhere.iter().rev().find(|(known, _)| **known == *call_id);
                return known.map_or(own, |(_, shard)| *shard);
            }
            _ => None,
        };
        let Some(shard) = named.and_then(Value::text).and_then(|text| self.shard_named(&text)) else { return own };
        if shard != own {
            if self.elsewhere.len() >= REMEMBERED {
                self.elsewhere.pop_front();
            }
            self.elsewhere.push_back((call_id.as_ref().into(), shard));
        }
        shard
    }

    fn shard_named(&self, text: &str) -> Option<usize> {
        Replaces::parse(text).ok().map(|dialog| self.sharding.of(dialog.to_tag))
    }
}

/// The value of a field, perhaps over several lines.
#[derive(Clone, Copy)]
struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    fn text(&self) -> Option<std::borrow::Cow<'a, str>> {
        let text = from_utf8(self.0).ok()?.trim();
        Some(match text.contains(['\r', '\n']) {
            true => text.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ").into(),
            false => text.into(),
        })
    }
}

/// What of a message tells its shard: found by looking at the beginning of each line alone.
#[derive(Default)]
struct Head<'a> {
    is_response: bool,
    method: &'a [u8],
    call_id: Option<Value<'a>>,
    from: Option<Value<'a>>,
    to: Option<Value<'a>>,
    /// Replaces or Join.
    replaces: Option<Value<'a>>,
    target_dialog: Option<Value<'a>>,
}

impl<'a> Head<'a> {
    fn read(message: &'a [u8]) -> Head<'a> {
        let begin = message.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let mut lines = Lines { rest: message.get(begin..).unwrap_or_default() };
        let first = lines.next().unwrap_or_default();
        let method = first.split(|byte| *byte == b' ').next().unwrap_or_default();
        let mut head = Head { is_response: first.starts_with(b"SIP/"), method, ..Head::default() };
        for line in lines {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at(colon);
            let name = name.trim_ascii_end();
            let place = match name.first().map(u8::to_ascii_lowercase) {
                Some(b'c' | b'i') if is(name, b"Call-ID", b'i') => &mut head.call_id,
                Some(b'f') if is(name, b"From", b'f') => &mut head.from,
                Some(b't') if is(name, b"To", b't') => &mut head.to,
                Some(b't') if name.eq_ignore_ascii_case(b"Target-Dialog") => &mut head.target_dialog,
                Some(b'r') if name.eq_ignore_ascii_case(b"Replaces") => &mut head.replaces,
                Some(b'j') if name.eq_ignore_ascii_case(b"Join") => &mut head.replaces,
                _ => continue,
            };
            place.get_or_insert(Value(value.get(1..).unwrap_or_default()));
        }
        head
    }
}

fn is(name: &[u8], long: &[u8], compact: u8) -> bool {
    matches!(name, [byte] if byte.eq_ignore_ascii_case(&compact)) || name.eq_ignore_ascii_case(long)
}

/// The lines of a head, each with those that continue it, up to the blank one.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut searched = 0;
        let end = loop {
            let newline = self.rest.get(searched..).and_then(|rest| memchr::memchr(b'\n', rest));
            let Some(newline) = newline else { break self.rest.len() };
            searched = searched.saturating_add(newline).saturating_add(1);
            if !matches!(self.rest.get(searched), Some(b' ' | b'\t')) {
                break searched;
            }
        };
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router {
        Router::new(Sharding::new(16, [7; 32]))
    }

    fn request(method: &str, fields: &str) -> String {
        format!("{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{fields}\r\n\r\nbody")
    }

    #[test]
    fn a_request_belongs_by_its_call_id_and_within_a_dialog_by_our_tag() {
        let mut router = router();
        let of = |text: &str| router.sharding.of(text);
        let (call, ours) = (of("a-call"), of("our-tag"));
        assert_ne!(call, ours, "choose others");
        let mut shard = |method: &str, fields: &str| router.shard_of(request(method, fields).as_bytes());
        for new in [
            "From: <sip:a@b>;tag=x\r\nTo: <sip:b@b>\r\nCall-ID: a-call",
            "f: <sip:a@b>;tag=x\r\nt: \"tag=y\" <sip:b@b;tag=z>\r\ni:a-call ",
            "To: sip:b@b\r\nCALL-id :\r\n a-call",
        ] {
            assert_eq!(shard("INVITE", new), call, "{new}");
            assert_eq!(shard("CANCEL", new), call, "{new}");
        }
        for within in ["To: <sip:b@b>;tag=our-tag\r\nCall-ID: a-call", "i: a-call\r\nt: sip:b@b\r\n ;x=1;TAG=our-tag"] {
            assert_eq!(shard("BYE", within), ours, "{within}");
        }
    }

    #[test]
    fn a_response_belongs_by_our_tag_in_from() {
        let mut router = router();
        let response =
            "SIP/2.0 200 OK\r\nTo: <sip:b@b>;tag=theirs\r\nFrom: <sip:a@b>;tag=our-tag\r\nCall-ID: c\r\n\r\n";
        assert_eq!(router.shard_of(response.as_bytes()), router.sharding.of("our-tag"));
    }

    #[test]
    fn a_request_that_names_a_dialog_goes_there_and_its_cancel_too() {
        let mut router = router();
        let of = |text: &str| router.sharding.of(text);
        let (call, ours) = (of("a-call"), of("our-tag"));
        let fields = "To: <sip:b@b>\r\nCall-ID: a-call\r\n";
        let named = [
            ("INVITE", "Replaces: other;to-tag=our-tag;from-tag=theirs", ours),
            ("INVITE", "Join: other;from-tag=theirs\r\n ;to-tag=our-tag", ours),
            ("REFER", "Target-Dialog: other;local-tag=our-tag;remote-tag=theirs", ours),
            ("INVITE", "Target-Dialog: other;local-tag=our-tag;remote-tag=theirs", call),
            ("INVITE", "Replaces: nonsense", call),
        ];
        assert_eq!(router.shard_of(request("CANCEL", fields.trim_end()).as_bytes()), call);
        for (method, field, expected) in named {
            assert_eq!(router.shard_of(request(method, &format!("{fields}{field}")).as_bytes()), expected, "{field}");
        }
        assert_eq!(router.shard_of(request("CANCEL", fields.trim_end()).as_bytes()), ours);
    }

    #[test]
    fn whatever_comes_is_somebodys() {
        let mut router = router();
        for text in
            ["", "\r\n", "INVITE", "SIP/2.0", "x: y", "\r\n\r\nBYE sip:b SIP/2.0\nt:<sip:b>;tag=\u{e9}\n", "To: \n"]
        {
            assert!(router.shard_of(text.as_bytes()) < 16);
        }
        assert!(router.shard_of(&[0xff, b'\n', b'i', b':', 0xff, b'\n']) < 16);
        for stun in [&b"\x01\x01\0\x0c\ni:x\n"[..], b"\0\x01\0\0!\x12\xa4B\nt:<sip:b>;tag=x\n"] {
            assert_eq!(router.shard_of(stun), 0, "the first one keeps flows alive");
        }
    }
}
