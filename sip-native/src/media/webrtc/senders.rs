//! Who sends: the synchronization sources (SSRC) of a peer, also of one that announces none.
//!
//! The stack takes a packet in when its source is known from `a=ssrc` in the description or from a header extension with the
//! media line (RFC 8843 9.2). Exchanges such as Asterisk give neither. With one stream of audio there is nothing to mistake:
//! whatever comes over the connection belongs to it, as long as its keys are right.

use str0m::Rtc;
use str0m::media::Mid;
use str0m::rtp::Ssrc;

/// The sources of one stream.
#[derive(Debug, Default)]
pub(super) struct Senders {
    /// Who was heard last.
    heard: Option<Ssrc>,
    /// Whom the stack was told to expect, and who has not been heard yet. One at a time: somebody without the keys can make
    /// up as many as he likes.
    expected: Option<Ssrc>,
    /// Whether the one who was heard last came by our telling the stack.
    told: bool,
}

impl Senders {
    /// Tells the stack to expect the source of a packet that it does not know. Then the packet has to be given to it again.
    pub(super) fn expect_unknown(&mut self, datagram: &[u8], mid: Mid, rtc: &mut Rtc) -> bool {
        let Some(source) = source_of(datagram) else { return false };
        let knows_media = rtc.media(mid).is_some();
        let mut stack = rtc.direct_api();
        if !knows_media || stack.stream_rx(&source).is_some() {
            return false;
        }
        if let Some(before) = self.expected.replace(source) {
            stack.remove_stream_rx(before);
        }
        // Nothing is sent again here: audio does not wait.
        stack.expect_stream_rx(source, None, mid, None).suppress_nack(true);
        true
    }

    /// A packet of this source was authenticated. Whether it is another one than before, whose numbers have nothing to do with
    /// those before.
    pub(super) fn heard(&mut self, source: Ssrc, rtc: &mut Rtc) -> bool {
        let told = self.expected.take_if(|expected| *expected == source).is_some();
        let before = self.heard.replace(source);
        if before == Some(source) {
            self.told |= told;
            return false;
        }
        let told_before = std::mem::replace(&mut self.told, told);
        if let Some(gone) = before.filter(|_| told_before) {
            rtc.direct_api().remove_stream_rx(gone);
        }
        before.is_some()
    }
}

/// The source of a packet of RTP. None for one of RTCP (RFC 5761 4) and for other protocols (RFC 7983 7).
pub(super) fn source_of(datagram: &[u8]) -> Option<Ssrc> {
    let [first, second, _, _, _, _, _, _, source @ ..] = datagram else { return None };
    let is_rtp = (128..=191).contains(first) && !(64..=95).contains(&(second & 0x7f));
    let source = source.first_chunk::<4>().filter(|_| is_rtp)?;
    Some(u32::from_be_bytes(*source).into())
}

#[cfg(test)]
mod tests {
    use super::source_of;

    #[test]
    fn only_packets_of_rtp_have_a_source() {
        let packet = |first: u8, second: u8| [first, second, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5];
        for (first, second) in [(0x80, 0), (0x90, 0x80), (0xbf, 111), (0x80, 0xff)] {
            assert_eq!(source_of(&packet(first, second)), Some(0x0102_0304.into()), "{first} {second}");
        }
        // Sender and receiver reports, STUN, DTLS.
        for (first, second) in [(0x80, 200), (0x81, 201), (0, 1), (22, 254), (0xc0, 0)] {
            assert_eq!(source_of(&packet(first, second)), None, "{first} {second}");
        }
        assert_eq!(source_of(&packet(0x80, 0)[..11]), None, "cut");
    }
}
