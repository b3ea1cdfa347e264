//! Telephone events (RFC 4733): the digits somebody presses.

/// Collects the digits out of telephone-event packets.
#[derive(Debug, Default)]
pub(super) struct Digits {
    /// The timestamp of the last event; all packets of an event have the same.
    last: Option<u64>,
}

impl Digits {
    /// Takes a telephone-event payload with its extended timestamp. Returns the digit the first time it is seen.
    pub(super) fn receive(&mut self, time: u64, payload: &[u8]) -> Option<char> {
        let [event, _, _, _, ..] = payload else { return None };
        // A packet of an earlier event is a late repetition of its end, unless the sender's clock started over.
        if self.last.is_some_and(|last| last.wrapping_sub(time) < LATE) {
            return None;
        }
        self.last = Some(time);
        EVENTS.get(usize::from(*event)).map(|digit| char::from(*digit))
    }
}

/// How far behind the last event a timestamp counts as late, in timestamp units.
const LATE: u64 = 80_000;

/// The digits in the order of their event codes (RFC 4733, section 3.2).
const EVENTS: &[u8; 16] = b"0123456789*#ABCD";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_counts_once() {
        let mut digits = Digits::default();
        assert_eq!(digits.receive(1000, &[5, 10, 0, 160]), Some('5'));
        assert_eq!(digits.receive(1000, &[5, 10, 1, 64]), None);
        assert_eq!(digits.receive(1000, &[5, 0x8a, 3, 32]), None);
        assert_eq!(digits.receive(3000, &[11, 10, 0, 160]), Some('#'));
        assert_eq!(digits.receive(1000, &[5, 0x8a, 3, 32]), None);
        assert_eq!(digits.receive(5000, &[11, 10, 0, 160]), Some('#'));
        assert_eq!(digits.receive(500_000, &[0, 10, 0, 160]), Some('0'));
        assert_eq!(digits.receive(1000, &[1, 10, 0, 160]), Some('1'));
    }

    #[test]
    fn other_events_and_fragments_are_no_digits() {
        let mut digits = Digits::default();
        assert_eq!(digits.receive(1000, &[16, 10, 0, 160]), None);
        assert_eq!(digits.receive(2000, &[1, 10, 0]), None);
        assert_eq!(digits.receive(2000, &[]), None);
        assert_eq!(digits.receive(2000, &[1, 10, 0, 0]), Some('1'));
    }
}
