//! The messages everybody reads and writes.

/// The methods of a 200.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, SUBSCRIBE, NOTIFY, REFER";

/// The offer in the INVITE.
pub const OFFER: &str = "v=0\r\n\
    o=alice 2890844526 2890844526 IN IP4 198.51.100.17\r\n\
    s=-\r\n\
    c=IN IP4 198.51.100.17\r\n\
    t=0 0\r\n\
    m=audio 49172 RTP/AVP 0 8 101\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n\
    a=ptime:20\r\n\
    a=sendrecv\r\n";

/// The answer in the 200.
pub const ANSWER: &[u8] = b"v=0\r\n\
    o=bob 2890844527 2890844527 IN IP4 192.0.2.9\r\n\
    s=-\r\n\
    c=IN IP4 192.0.2.9\r\n\
    t=0 0\r\n\
    m=audio 3456 RTP/AVP 0 101\r\n\
    a=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\n\
    a=sendrecv\r\n";

/// An INVITE through two proxies, 1283 bytes long.
pub fn invite() -> Vec<u8> {
    let head = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP bigbox3.site3.atlanta.example.com:5060;branch=z9hG4bK77ef4c2312983.1;rport\r\n\
        Via: SIP/2.0/UDP pc33.atlanta.example.com:5060;branch=z9hG4bKnashds8;received=192.0.2.1\r\n\
        Max-Forwards: 69\r\n\
        Record-Route: <sip:bigbox3.site3.atlanta.example.com;lr>\r\n\
        Record-Route: <sip:ss1.atlanta.example.com;lr>\r\n\
        P-Asserted-Identity: \"Alice Liddell\" <sip:alice@atlanta.example.com>\r\n\
        Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
        Accept: application/sdp\r\n\
        From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
        To: Bob <sip:bob@biloxi.example.com>\r\n\
        Call-ID: 3848276298220188511@pc33.atlanta.example.com\r\n\
        CSeq: 314159 INVITE\r\n\
        Contact: <sip:alice@198.51.100.17:5060;transport=udp>;expires=3600\r\n\
        Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, NOTIFY, REFER\r\n\
        Supported: replaces, timer, 100rel\r\n\
        Session-Expires: 1800\r\n\
        User-Agent: Measured/1.0\r\n\
        Content-Type: application/sdp\r\n";
    let length = format!("Content-Length: {}\r\n\r\n", OFFER.len());
    let room = 1283 - head.len() - length.len() - OFFER.len() - "Subject: \r\n".len();
    let subject = &"A call between two people that somebody wants to be measured by everybody who can read it"[..room];
    [head, "Subject: ", subject, "\r\n", &length, OFFER].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_invite_is_as_long_as_is_said() {
        assert_eq!(super::invite().len(), 1283);
    }
}
