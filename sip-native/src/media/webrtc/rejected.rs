//! Rejected media lines, which the WebRTC stack does not treat as browsers do: what it must not see of them in an offer,
//! and what is missing in its answer.

/// Removes the transport of rejected media lines from an offer.
///
/// A browser leaves there what was current when the line was rejected, and the stack, which takes the first credentials
/// it finds, would miss an ICE restart.
pub(super) fn prepare(offer: &str) -> String {
    let mut prepared = String::new();
    for (index, section) in sections(offer).enumerate() {
        let lines = section.lines();
        let rejected = index > 0 && is_rejected(section);
        for line in lines.filter(|line| !rejected || !TRANSPORT.iter().any(|attribute| line.starts_with(attribute))) {
            prepared.extend([line, "\r\n"]);
        }
    }
    prepared
}

/// Completes an answer whose first or later media lines may be rejected.
///
/// - A rejected line repeats the formats of the offer. The stack leaves the list empty where it knows none of them, but
///   a media line has at least one (RFC 8866, section 5.14), and browsers refuse the answer otherwise.
/// - Candidates move to the first line that is not rejected. The stack puts them into the very first, and browsers do
///   not look for them in a rejected one.
pub(super) fn complete(answer: &str, offer: &str) -> String {
    let mut offered = offer.lines().filter_map(formats_at).map(|(line, at)| line[at..].trim());
    let mut complete = String::new();
    let mut candidates = String::new();
    let mut rejected = false;
    for line in answer.lines() {
        if let Some((line, at)) = formats_at(line) {
            if !rejected {
                complete.push_str(&std::mem::take(&mut candidates));
            }
            rejected = line.split(' ').nth(1) == Some("0");
            let formats = offered.next().filter(|_| line[at..].trim().is_empty());
            complete.push_str(&formats.map_or(line.to_owned(), |formats| format!("{} {formats}", &line[..at])));
        } else if rejected && line.starts_with("a=candidate:") {
            candidates.extend([line, "\r\n"]);
            continue;
        } else {
            complete.push_str(line);
        }
        complete.push_str("\r\n");
    }
    if !rejected {
        complete.push_str(&candidates);
    }
    complete
}

/// The parts of a description: the session, then one part for each media line.
fn sections(description: &str) -> impl Iterator<Item = &str> {
    let starts = description.match_indices("\nm=").map(|(at, _)| at + 1);
    let ends = starts.clone().chain([description.len()]);
    std::iter::once(0).chain(starts).zip(ends).map(|(start, end)| &description[start..end])
}

/// Whether a part has port 0 and that is not only for its being bundled with another (RFC 9143, section 6).
fn is_rejected(section: &str) -> bool {
    let mut lines = section.lines();
    lines.next().is_some_and(|line| line.split(' ').nth(1) == Some("0")) && lines.all(|line| line != "a=bundle-only")
}

/// The attributes that belong to a transport.
const TRANSPORT: [&str; 4] = ["a=candidate:", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"];

/// A media line, and where its formats begin.
fn formats_at(line: &str) -> Option<(&str, usize)> {
    line.starts_with("m=").then(|| (line, line.match_indices(' ').nth(2).map_or(line.len(), |(at, _)| at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\n\
        m=video 5000 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\n\
        m=audio 5000 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:1\r\n\
        m=audio 5000 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:2\r\n";

    const COMPLETE: &str = "v=0\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n\
        a=candidate:1 1 udp 1 127.0.0.1 1 typ host\r\na=candidate:2 1 udp 1 ::1 1 typ host\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:2\r\n";

    #[test]
    fn the_transport_of_a_rejected_line_is_removed() {
        let section = |port: &str, more: &str| {
            format!(
                "m=audio {port} UDP/TLS/RTP/SAVPF 0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:c\r\n{more}a=mid:1\r\n"
            )
        };
        let kept = format!("v=0\r\na=ice-ufrag:d\r\n{}{}", section("9", ""), section("0", "a=bundle-only\r\n"));
        assert_eq!(prepare(&kept), kept);
        let rejected = section("0", "a=candidate:1\r\n");
        assert_eq!(prepare(&(kept.clone() + &rejected)), kept + "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n");
        assert_eq!(prepare(""), "");
    }

    #[test]
    fn a_rejected_line_gets_formats_and_gives_up_its_candidates() {
        for end in ["", " "] {
            let answer = format!(
                "v=0\r\n\
                m=video 0 UDP/TLS/RTP/SAVPF{end}\r\n\
                a=candidate:1 1 udp 1 127.0.0.1 1 typ host\r\na=candidate:2 1 udp 1 ::1 1 typ host\r\na=mid:0\r\n\
                m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\n\
                m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:2\r\n"
            );
            assert_eq!(complete(&answer, OFFER), COMPLETE);
        }
    }

    #[test]
    fn a_complete_answer_stays_as_it_is() {
        assert_eq!(complete(COMPLETE, OFFER), COMPLETE);
    }

    #[test]
    fn the_last_line_can_take_the_candidates() {
        let answer = "m=video 0 A 1\r\na=candidate:1\r\nm=audio 9 A 0\r\na=mid:1\r\n";
        let expected = "m=video 0 A 1\r\nm=audio 9 A 0\r\na=mid:1\r\na=candidate:1\r\n";
        assert_eq!(complete(answer, answer), expected);
    }
}
