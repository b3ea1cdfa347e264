// The INVITE of tests/workload/src/messages.rs.

const OFFER =
  "v=0\r\no=alice 2890844526 2890844526 IN IP4 198.51.100.17\r\ns=-\r\nc=IN IP4 198.51.100.17\r\nt=0 0\r\n" +
  "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
  "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

const HEAD = `INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/UDP bigbox3.site3.atlanta.example.com:5060;branch=z9hG4bK77ef4c2312983.1;rport
Via: SIP/2.0/UDP pc33.atlanta.example.com:5060;branch=z9hG4bKnashds8;received=192.0.2.1
Max-Forwards: 69
Record-Route: <sip:bigbox3.site3.atlanta.example.com;lr>
Record-Route: <sip:ss1.atlanta.example.com;lr>
P-Asserted-Identity: "Alice Liddell" <sip:alice@atlanta.example.com>
Date: Sat, 13 Nov 2010 23:29:00 GMT
Accept: application/sdp
From: "Alice Liddell" <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: Bob <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@pc33.atlanta.example.com
CSeq: 314159 INVITE
Contact: <sip:alice@198.51.100.17:5060;transport=udp>;expires=3600
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, NOTIFY, REFER
Supported: replaces, timer, 100rel
Session-Expires: 1800
User-Agent: Measured/1.0
Content-Type: application/sdp
`.replaceAll("\n", "\r\n");

const LENGTH = `Content-Length: ${OFFER.length}\r\n\r\n`;
const room = 1283 - HEAD.length - LENGTH.length - OFFER.length - "Subject: \r\n".length;
const SUBJECT = "A call between two people that somebody wants to be measured by everybody who can read it".slice(0, room);

export const INVITE = `${HEAD}Subject: ${SUBJECT}\r\n${LENGTH}${OFFER}`;
if (INVITE.length !== 1283) throw new Error(`the INVITE has ${INVITE.length} bytes`);
