//! Descriptions whose media nobody sends: enough to see whose they are and what direction they ask for.

/// A description of `name`; `version` grows with each of them in a call.
pub fn description(name: &str, version: u32, direction: &str) -> String {
    format!(
        "v=0\r\no={name} 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    )
}

/// The same for peers that are browsers, whose descriptions must have everything that WebRTC asks for. Nobody is where it
/// says, so the media never come about.
/// Who opens the transport is agreed on once: the side that answered first, which stays `active`.
pub fn web_description(name: &str, version: u32, direction: &str, offers: bool, active: bool) -> String {
    let setup = match (offers, active) {
        (true, _) => "actpass",
        (false, true) => "active",
        (false, false) => "passive",
    };
    let fingerprint = vec!["AB"; 32].join(":");
    format!(
        "v=0\r\no={name} 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=ice-ufrag:{name:x<4}\r\n\
         a=ice-pwd:{name:x<22}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n\
         a=rtpmap:0 PCMU/8000\r\na={direction}\r\n"
    )
}

/// What the writer of a description wants to do.
pub fn direction(sdp: &str) -> &'static str {
    let known = ["sendonly", "recvonly", "inactive"];
    let line = |direction: &&str| sdp.lines().any(|line| line.trim_end() == format!("a={direction}"));
    known.into_iter().find(line).unwrap_or("sendrecv")
}

/// Whose a description is.
pub fn owner(sdp: &str) -> &str {
    let line = sdp.lines().find_map(|line| line.strip_prefix("o=")).unwrap_or_default();
    line.split(' ').next().unwrap_or_default()
}

/// What is left of `offered` for the answer (RFC 3264 6.1) of somebody who holds, or not.
pub fn answer(offered: &str, holds: bool) -> &'static str {
    match (offered, holds) {
        ("sendonly", false) => "recvonly",
        ("recvonly", _) => "sendonly",
        ("inactive", _) | ("sendonly", true) => "inactive",
        (_, true) => "sendonly",
        (_, false) => "sendrecv",
    }
}
