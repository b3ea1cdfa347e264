//! What peers and applications choose from.

pub(super) const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "OPTIONS",
    "UPDATE",
    "PRACK",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "REGISTER",
    "X",
];
pub(super) const STATUSES: [u16; 24] = [
    100, 180, 183, 199, 200, 200, 202, 302, 400, 401, 407, 408, 415, 420, 422, 423, 481, 486, 487, 488, 491, 500, 503,
    603,
];
pub(super) const TARGETS: [&str; 5] =
    ["sip:alice@192.0.2.1", "sip:alice@example.com;transport=tcp", "alice", "sips:a@b", "tel:+1-201-555-0123"];
pub(super) const SDP: [&str; 4] = [
    "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
     a=rtpmap:101 telephone-event/8000\r\n",
    "v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n",
    "v=0\r\no=a 1 3 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\nm=video 9 RTP/AVP 99\r\n",
    "v=0\r\n",
];
/// Header fields a peer may add.
pub(super) const EXTRA: [&str; 36] = [
    "Contact: <sip:peer@192.0.2.1>",
    "Contact: <sip:peer@192.0.2.1;transport=tcp>;expires=60",
    "Contact: <sip:bob@192.0.2.9:5060>;expires=3600",
    "Contact: *",
    "Contact: <tel:1>",
    "Record-Route: <sip:192.0.2.7;lr>",
    "Record-Route: <sip:192.0.2.7>, <sip:p.example.com;lr>",
    "Route: <sip:192.0.2.7;lr>",
    "Require: 100rel",
    "Require: nonsense",
    "Supported: 100rel, timer, replaces, norefersub",
    "RSeq: 1",
    "RSeq: 2",
    "RAck: 1 1 INVITE",
    "Session-Expires: 90;refresher=uac",
    "Session-Expires: 90;refresher=uas",
    "Min-SE: 4000",
    "Expires: 0",
    "Expires: 60",
    "Min-Expires: 4000",
    "Retry-After: 1",
    "Max-Forwards: 0",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256",
    "Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"",
    "WWW-Authenticate: Digest realm=\"a\", nonce=\"3\", stale=true",
    "Refer-To: <sip:carol@192.0.2.3>",
    "Refer-To: <sip:carol@192.0.2.3?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>",
    "Refer-Sub: false",
    "Event: refer",
    "Event: message-summary",
    "Event: dialog;id=1",
    "Subscription-State: active;expires=60",
    "Subscription-State: terminated;reason=noresource",
    "Reason: Q.850;cause=16",
    "Service-Route: <sip:192.0.2.7;lr>",
    "P-Asserted-Identity: <sip:boss@example.com>",
];
pub(super) const TYPES: [&str; 7] = [
    "application/sdp",
    "application/sdp",
    "application/dtmf-relay",
    "message/sipfrag",
    "text/plain",
    "multipart/mixed;boundary=b",
    "application/simple-message-summary",
];
pub(super) const BODIES: [&str; 4] = [
    "Signal=5\r\nDuration=100\r\n",
    "SIP/2.0 200 OK\r\n",
    "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n",
    "Messages-Waiting: yes\r\n",
];
/// What a peer says of subscriptions, where it does.
pub(super) const NOTICES: [&str; 10] = [
    "active;expires=60",
    "active",
    "pending;expires=5",
    "terminated;reason=deactivated",
    "terminated;reason=timeout",
    "terminated;reason=probation;retry-after=3",
    "terminated;reason=noresource",
    "terminated",
    "waiting;expires=0",
    ";",
];
pub(super) const PACKAGES: [&str; 4] = ["presence", "dialog;id=1", "message-summary", "refer"];
/// Whom a peer wants called.
pub(super) const REFER_TO: [&str; 6] = [
    "<sip:carol@192.0.2.3>",
    "sip:carol@192.0.2.3",
    "<sip:carol@192.0.2.3;method=BYE>",
    "<sip:bob@example.com>",
    "<tel:+12015550123>",
    "<sip:carol@192.0.2.3?Subject=a&Route=%3Csip:b%3E&X=%0d%0aY>",
];
