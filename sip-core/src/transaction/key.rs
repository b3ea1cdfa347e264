//! Matching (RFC 3261 17.1.3 and 17.2.3) by keyed hashes.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::entropy::Entropy;
use crate::hashing::{Identity, KeyedHash};
use crate::message::{Host, ParseError, Request, Via};

/// A transaction's identity.
pub(super) type MatchKey = Identity;

#[derive(Debug)]
pub(super) struct Matcher {
    hash: KeyedHash,
}

impl Matcher {
    pub(super) fn new(entropy: &mut Entropy) -> Matcher {
        Matcher { hash: KeyedHash::new(entropy.keys()) }
    }

    /// 17.1.3: the branch of the top Via and the method of the CSeq.
    pub(super) fn client(&self, branch: &str, method: &str) -> MatchKey {
        self.hash.with(|hasher| {
            hasher.write_u8(b'c');
            branch.hash(hasher);
            method.hash(hasher);
        })
    }

    /// 17.2.3: branch, sent-by and method, where an ACK counts as its INVITE; for peers of RFC 2543, whose branches
    /// say nothing, the fields that rule names.
    pub(super) fn server(&self, request: &Request, via: &Via<'_>, method: &str) -> Result<MatchKey, ParseError> {
        let method = if method == "ACK" { "INVITE" } else { method };
        if let Some(branch) = via.rfc3261_branch() {
            return Ok(self.hash.with(|hasher| {
                hasher.write_u8(b's');
                branch.hash(hasher);
                hash_host(&via.host, hasher);
                via.port.hash(hasher);
                method.hash(hasher);
            }));
        }
        let (call_id, cseq) = (request.call_id()?, request.cseq()?);
        let from = request.from()?;
        let from_tag = from.tag();
        Ok(self.hash.with(|hasher| {
            hasher.write_u8(b'o');
            // The To tag is left out: the ACK carries ours, the INVITE none, and both must match. Request-URI and
            // top Via are what 17.2.3 adds to the dialog's own fields.
            request.uri_text().hash(hasher);
            call_id.hash(hasher);
            cseq.number.hash(hasher);
            from_tag.hash(hasher);
            hash_host(&via.host, hasher);
            via.port.hash(hasher);
            via.branch().hash(hasher);
            method.hash(hasher);
        }))
    }

    /// What makes two copies of one request that came by different ways the same (8.2.2.2).
    pub(super) fn merged(&self, request: &Request) -> Result<MatchKey, ParseError> {
        let (call_id, cseq) = (request.call_id()?, request.cseq()?);
        let from = request.from()?;
        Ok(self.hash.with(|hasher| {
            hasher.write_u8(b'm');
            call_id.hash(hasher);
            cseq.number.hash(hasher);
            request.method().as_str().hash(hasher);
            from.tag().hash(hasher);
        }))
    }
}

fn hash_host(host: &Host<'_>, hasher: &mut DefaultHasher) {
    match host {
        Host::Name(name) => name.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase())),
        Host::V4(addr) => addr.hash(hasher),
        Host::V6(addr) => addr.hash(hasher),
    }
}
