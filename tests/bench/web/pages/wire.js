// Two WebSockets that lead to each other: what one sends the other gets, as a server between them would pass it on.
// It is there in no time, so that what is measured is the work of the two agents.

const ends = new Map();

class Socket extends EventTarget {
  static OPEN = 1;
  OPEN = 1;
  readyState = 0;
  binaryType = "blob";
  protocol = "sip";
  bufferedAmount = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;

  constructor(url) {
    super();
    this.url = url;
    this.name = new URL(url).pathname;
    ends.set(this.name, this);
    queueMicrotask(() => {
      this.readyState = 1;
      this.#tell("open", new Event("open"));
    });
  }

  send(data) {
    const text = typeof data === "string" ? data : new TextDecoder().decode(data);
    const other = ends.get(this.name === "/alice" ? "/bob" : "/alice");
    queueMicrotask(() => other?.readyState === 1 && other.#tell("message", new MessageEvent("message", { data: text })));
  }

  close() {
    this.readyState = 3;
    queueMicrotask(() => this.#tell("close", new CloseEvent("close", { wasClean: true, code: 1000 })));
  }

  #tell(name, event) {
    this[`on${name}`]?.(event);
    this.dispatchEvent(event);
  }
}

globalThis.WebSocket = Socket;

/** What all agree on. */
export const SDP =
  "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0 101\r\n" +
  "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";
