//! Datagrams that did not arrive, and it was said so (RFC 3261 17.1.4 and 18.4).

use super::client::ClientState;
use super::{Failure, Transactions};
use crate::transport::{FlowError, Path};

impl<U: Copy> Transactions<U> {
    /// See [`Machine::undelivered`](crate::transport::Machine::undelivered). The transaction whose request it was fails at
    /// once, unless something was heard since: who answers is there. Only a quotation with our branch in it is believed,
    /// since anybody can send an ICMP message.
    pub fn undelivered(&mut self, path: Path, quoted: &[u8], error: FlowError) {
        let Some((method, branch)) = method_and_branch(quoted) else { return };
        let Some(key) = self.client_keys.get(&self.matcher.client(branch, method)).copied() else { return };
        let ours = self.clients.get(key).is_some_and(|client| {
            client.path == path && matches!(client.state(), ClientState::Calling | ClientState::Trying)
        });
        if ours {
            self.fail(key, Failure::Transport(error));
        }
    }
}

/// The method of a request and the branch of its top Via, which we wrote, from as much of it as there is.
fn method_and_branch(quoted: &[u8]) -> Option<(&str, &str)> {
    let text = match std::str::from_utf8(quoted) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(quoted.get(..error.valid_up_to())?).ok()?,
    };
    let (method, rest) = text.split_once(' ')?;
    let (_, rest) = rest.split_once(";branch=")?;
    let (branch, _) = rest.split_once([';', '\r', ',', ' '])?;
    Some((method, branch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_that_was_cut_is_none() {
        let whole = b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport\r\n";
        assert_eq!(method_and_branch(whole), Some(("OPTIONS", "z9hG4bKabc")));
        let end = whole.len() - 8;
        assert_eq!(method_and_branch(&whole[..end]), None);
        assert_eq!(method_and_branch(b"\xff\xfe"), None);
    }
}
