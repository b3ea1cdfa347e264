//! The direction of media, and hold, which is nothing but a direction (RFC 3264 8.4, RFC 6337 5.3).
use super::description::SessionDescription;
use super::view::{Line, SdpRef};

/// Which way media flows, seen from whoever wrote the description (RFC 8866 6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways; what no attribute means.
    #[default]
    SendRecv,
    /// The writer only sends.
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// No media.
    Inactive,
}

impl Direction {
    /// From what the writer does.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    pub(super) fn parse(name: &str) -> Option<Direction> {
        let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
        all.into_iter().find(|direction| direction.as_str() == name)
    }

    /// The attribute's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// True if the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// True if the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same stream seen from the other end.
    #[must_use]
    pub const fn mirror(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow.
    #[must_use]
    pub const fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// What to answer to this offered direction when `wanted` is what this end would like (RFC 3264 6.1).
    #[must_use]
    pub const fn answer(self, wanted: Direction) -> Direction {
        self.mirror().and(wanted)
    }

    /// With the other end on hold: `sendrecv` to `sendonly`, `recvonly` to `inactive` (RFC 3264 8.4).
    #[must_use]
    pub const fn held(self) -> Direction {
        Direction::new(self.sends(), false)
    }

    /// With the hold of this end undone: receiving again, and offering to send where the answer had to be `inactive`,
    /// so that two holds cannot leave a call stuck (RFC 6337 5.3).
    #[must_use]
    pub const fn resumed(self) -> Direction {
        match self {
            Direction::RecvOnly => Direction::RecvOnly,
            _ => Direction::SendRecv,
        }
    }
}

/// The offer that puts the other end on hold, from this end's last description: each live stream's direction turned
/// by [`Direction::held`], the origin's version counted up if that changed anything.
///
/// ```
/// use offhook_core::sdp::{SessionDescription, hold, is_held_by_remote, resume};
/// let text = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
/// let held = hold(&SessionDescription::parse(text.as_bytes())?);
/// assert!(held.to_string().contains("o=- 7 2 IN") && held.to_string().ends_with("a=sendonly\r\n"));
/// assert!(is_held_by_remote(&held.view()), "as the other end sees it");
/// assert!(!is_held_by_remote(&resume(&held).view()));
/// # Ok::<(), offhook_core::sdp::SdpError>(())
/// ```
pub fn hold(current: &SessionDescription) -> SessionDescription {
    turn(current, Direction::held)
}

/// The offer that takes the other end off hold, from this end's last description, by [`Direction::resumed`].
pub fn resume(current: &SessionDescription) -> SessionDescription {
    turn(current, Direction::resumed)
}

/// True if the remote description leaves no stream on which its writer would receive, though there are streams: each
/// is `sendonly` or `inactive`, or has the address 0.0.0.0 and no ICE credentials to find a better one. Streams that
/// were never meant to flow this way look the same (RFC 6337 5.3), so compare with the description before.
pub fn is_held_by_remote(remote: &SdpRef<'_>) -> bool {
    let mut streams = remote.media().filter(|media| !media.is_rejected()).peekable();
    streams.peek().is_some()
        && streams.all(|media| {
            let nowhere = media.connection().is_some_and(|connection| connection.is_unspecified());
            !media.direction().receives() || (nowhere && media.ice_ufrag().is_none())
        })
}

/// Makes `next` the successor of this end's `previous` description in the same dialog (RFC 3264 8): the same origin,
/// its version one higher if anything but the origin differs.
pub fn continue_session(previous: &SdpRef<'_>, next: &mut SessionDescription) {
    let Some(origin) = previous.origin() else { return };
    let version = if is_same(previous, &next.view()) { origin.version.into() } else { increment(origin.version) };
    let value = [origin.username, origin.session_id, &version, origin.address].join(" ");
    next.session_mut().set('o', &value);
}

fn turn(current: &SessionDescription, turn: fn(Direction) -> Direction) -> SessionDescription {
    let mut next = current.clone();
    let directions: Vec<Option<Direction>> =
        current.view().media().map(|media| (!media.is_rejected()).then(|| media.direction())).collect();
    for (section, direction) in next.media_iter_mut().zip(directions) {
        if let Some(direction) = direction.filter(|&direction| turn(direction) != direction) {
            section.set_direction(turn(direction));
        }
    }
    continue_session(&current.view(), &mut next);
    next
}

/// True if two descriptions of one writer say the same, whatever their origins' versions.
pub fn is_same(a: &SdpRef<'_>, b: &SdpRef<'_>) -> bool {
    let session = |line: &Line<'_>| line.kind != 'o';
    a.session().lines().filter(session).eq(b.session().lines().filter(session))
        && a.media().map(|media| media.section().as_str()).eq(b.media().map(|media| media.section().as_str()))
}

/// One more than a decimal number of any length.
fn increment(number: &str) -> String {
    let mut digits: Vec<u8> = number.bytes().rev().collect();
    for digit in &mut digits {
        match digit {
            b'0'..=b'8' => {
                *digit = digit.saturating_add(1);
                return digits.iter().rev().map(|&digit| char::from(digit)).collect();
            }
            _ => *digit = b'0',
        }
    }
    digits.push(b'1');
    digits.iter().rev().map(|&digit| char::from(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::Direction::*;
    use super::*;

    fn sdp(session: &str, media: &[&str]) -> SessionDescription {
        let mut text = format!("v=0\r\no=- 1 9 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{session}");
        for lines in media {
            text.push_str("m=audio 4000 RTP/AVP 0\r\n");
            text.push_str(lines);
        }
        SessionDescription::parse(text.as_bytes()).unwrap()
    }

    fn directions(sdp: &SessionDescription) -> Vec<Direction> {
        sdp.view().media().map(|media| media.direction()).collect()
    }

    #[test]
    fn answers_follow_the_table_of_rfc_3264() {
        for (offered, wanted, answer) in [
            (SendRecv, SendRecv, SendRecv),
            (SendOnly, SendRecv, RecvOnly),
            (RecvOnly, SendRecv, SendOnly),
            (Inactive, SendRecv, Inactive),
            (SendRecv, SendOnly, SendOnly),
            (SendOnly, SendOnly, Inactive),
            (RecvOnly, SendOnly, SendOnly),
        ] {
            assert_eq!(offered.answer(wanted), answer);
        }
    }

    #[test]
    fn hold_and_resume_turn_the_direction_and_count_the_version() {
        let talking = sdp("", &["", "a=recvonly\r\n", "a=inactive\r\n"]);
        let held = hold(&talking);
        assert_eq!(directions(&held), [SendOnly, Inactive, Inactive]);
        assert_eq!(held.view().origin().unwrap().version, "10");
        assert_eq!(hold(&held), held, "holding twice changes nothing, not even the version");
        let resumed = resume(&held);
        assert_eq!(directions(&resumed), [SendRecv, SendRecv, SendRecv]);
        assert_eq!(resumed.view().origin().unwrap().version, "11");
    }

    #[test]
    fn a_direction_of_the_session_is_overridden_and_rejected_streams_are_left_alone() {
        let mut talking = sdp("a=recvonly\r\n", &["", ""]);
        talking.media_mut(1).unwrap().set_port(0);
        let held = hold(&talking);
        assert_eq!(directions(&held), [Inactive, RecvOnly]);
        assert_eq!(held.to_string().matches("a=inactive").count(), 1);
    }

    #[test]
    fn being_held_is_seen_in_all_its_dialects() {
        let held = |session, media: &[&str]| is_held_by_remote(&sdp(session, media).view());
        assert!(held("", &["a=sendonly\r\n"]));
        assert!(held("a=inactive\r\n", &[""]));
        assert!(held("", &["c=IN IP4 0.0.0.0\r\n"]));
        assert!(!held("", &["c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"]), "a browser before its first candidate");
        assert!(!held("", &["a=sendonly\r\n", ""]));
        assert!(!held("", &[]));
        let mut ended = sdp("", &["a=sendonly\r\n"]);
        ended.media_mut(0).unwrap().set_port(0);
        assert!(!is_held_by_remote(&ended.view()));
    }

    #[test]
    fn versions_of_any_length_count_up() {
        assert_eq!(increment("0"), "1");
        assert_eq!(increment("1099"), "1100");
        assert_eq!(increment("99999999999999999999999"), "100000000000000000000000");
    }

    #[test]
    fn an_unchanged_description_keeps_its_version() {
        let first = sdp("", &[""]);
        let mut next = first.clone();
        next.session_mut().set('o', "- 77 77 IN IP4 192.0.2.2");
        continue_session(&first.view(), &mut next);
        assert_eq!(next, first);
    }
}
