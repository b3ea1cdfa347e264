//! SRTP (RFC 3711, RFC 6188, RFC 7714) with keys from the description (RFC 4568), by `rtc-srtp`.

use std::collections::VecDeque;
use std::fmt;

use offhook_core::sdp::negotiate::Keys;
use offhook_core::sdp::{Crypto, CryptoSuite};
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

/// Encrypts one way, decrypts the other.
pub(super) struct Protection {
    keys: Keys,
    outgoing: Context,
    /// A context for each sender that proved to have the key, the latest last. There is one for each, and a few at most, so
    /// that strangers who make up senders cost no memory.
    incoming: VecDeque<(u32, Context)>,
}

impl Protection {
    /// `None` if the keys are such as cannot be used.
    pub(super) fn new(keys: &Keys) -> Option<Protection> {
        Some(Protection { outgoing: context(&keys.send, false)?, incoming: VecDeque::new(), keys: keys.clone() })
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn encrypt(&mut self, rtcp: bool, packet: &[u8]) -> Option<Vec<u8>> {
        let encrypted = match rtcp {
            true => self.outgoing.encrypt_rtcp(packet),
            false => self.outgoing.encrypt_rtp(packet),
        };
        encrypted.ok().map(|bytes| bytes.to_vec())
    }

    /// Nothing, if it was not encrypted with the other end's key, or came before.
    pub(super) fn decrypt(&mut self, rtcp: bool, packet: &[u8]) -> Option<Vec<u8>> {
        let at = if rtcp { 4 } else { 8 };
        let sender = u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?);
        let open = |context: &mut Context| match rtcp {
            true => context.decrypt_rtcp(packet),
            false => context.decrypt_rtp(packet),
        };
        if let Some((_, context)) = self.incoming.iter_mut().find(|(known, _)| *known == sender) {
            return open(context).ok().map(|bytes| bytes.to_vec());
        }
        let mut context = context(&self.keys.receive, true)?;
        let opened = open(&mut context).ok()?;
        if self.incoming.len() >= MOST_SENDERS {
            self.incoming.pop_front();
        }
        self.incoming.push_back((sender, context));
        Some(opened.to_vec())
    }
}

fn context(crypto: &Crypto, receiving: bool) -> Option<Context> {
    let profile = match crypto.suite {
        CryptoSuite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        CryptoSuite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        CryptoSuite::AesCm256HmacSha1_80 => ProtectionProfile::Aes256CmHmacSha1_80,
        CryptoSuite::AesCm256HmacSha1_32 => ProtectionProfile::Aes256CmHmacSha1_32,
        CryptoSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        CryptoSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        _ => return None,
    };
    let (rtp, rtcp) = (srtp_replay_protection(WINDOW), srtcp_replay_protection(WINDOW));
    let replay = receiving.then_some(rtp).zip(receiving.then_some(rtcp)).unzip();
    let provider = rtc_crypto::default_provider().ok()?;
    let (key, salt) = (crypto.master_key(), crypto.master_salt());
    Context::new(key, salt, profile, replay.0, replay.1, provider.crypto()).ok()
}

impl fmt::Debug for Protection {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection").field("suite", &self.keys.send.suite).finish_non_exhaustive()
    }
}

/// How far out of order packets may come, in packets (RFC 3711 3.3.2 has 64 at least).
const WINDOW: usize = 128;

const MOST_SENDERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(suite: CryptoSuite) -> (Keys, Keys) {
        let key = |fill: u8| Crypto::new(1, suite, &vec![fill; suite.material_length()]).expect("of the right length");
        (Keys { send: key(1), receive: key(2) }, Keys { send: key(2), receive: key(1) })
    }

    fn packet(sender: u32, sequence: u16) -> Vec<u8> {
        let builder =
            rtp_types::RtpPacketBuilder::<&[u8], &[u8]>::new().payload_type(0).ssrc(sender).sequence_number(sequence);
        builder.payload(&[7; 160][..]).write_vec().expect("a packet")
    }

    #[test]
    fn what_one_encrypts_the_other_reads_once() {
        for suite in CryptoSuite::ALL {
            let (ours, theirs) = keys(suite);
            let (mut alice, mut bob) = (Protection::new(&ours).unwrap(), Protection::new(&theirs).unwrap());
            // Over a rollover of the sequence number, with one lost on each side of it.
            for index in 0..300_u16 {
                let plain = packet(5, 65_400_u16.wrapping_add(index));
                let secret = alice.encrypt(false, &plain).expect("it can be encrypted");
                assert!(secret.len() > plain.len() && secret[12..172] != plain[12..172]);
                if index % 7 == 3 {
                    continue;
                }
                assert_eq!(bob.decrypt(false, &secret), Some(plain), "{suite:?}, packet {index}");
                assert_eq!(bob.decrypt(false, &secret), None, "a replay");
                let mut forged = secret.clone();
                forged[20] ^= 1;
                assert_eq!(bob.decrypt(false, &forged), None, "a forgery");
            }
            let rtcp = [0x80, 201, 0, 1, 0, 0, 0, 5];
            let secret = alice.encrypt(true, &rtcp).expect("it can be encrypted");
            assert_eq!(bob.decrypt(true, &secret).as_deref(), Some(&rtcp[..]));
            assert_eq!(bob.decrypt(true, &secret), None);
        }
    }

    #[test]
    fn strangers_are_not_remembered() {
        let (ours, theirs) = keys(CryptoSuite::AesCm128HmacSha1_80);
        let (mut alice, mut bob) = (Protection::new(&ours).unwrap(), Protection::new(&theirs).unwrap());
        for sender in 0..1000 {
            assert_eq!(bob.decrypt(false, &packet(sender, 1)), None);
        }
        assert!(bob.incoming.is_empty());
        for sender in 0..10 {
            let secret = alice.encrypt(false, &packet(sender, 1)).unwrap();
            assert!(bob.decrypt(false, &secret).is_some());
        }
        assert_eq!(bob.incoming.len(), MOST_SENDERS);
        for length in 0..40 {
            for rtcp in [false, true] {
                assert_eq!(bob.decrypt(rtcp, &vec![0x80; length]), None);
            }
        }
    }
}
