import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

// The package as it is built: the parser is in its WebAssembly module.
const { loadWasm, parseMessage } = (await import(
  new URL("../../dist/message.js", import.meta.url).href
)) as typeof import("../src/message.js");

const INVITE = [
  "INVITE sip:bob@example.com SIP/2.0",
  "Via: SIP/2.0/WSS [2001:db8::1]:5061;branch=z9hG4bK1;rport",
  "Via: SIP / 2.0 / UDP host.example.com ;branch=z9hG4bK2, SIP/2.0/TCP 192.0.2.7",
  'From: "A \\"big\\" one" <sip:alice@example.com;user=phone>;tag=a1',
  "To: Bob <sip:bob@example.com>",
  "Call-ID: 1@example.com",
  "CSeq: 7   INVITE",
  "Contact: <sip:alice@192.0.2.1>;expires=60, sip:alice@192.0.2.2",
  "Max-Forwards: 70",
  "Subject: two",
  " lines",
  "X-Empty:",
  "Content-Type: application/sdp",
  "Content-Length: 5",
  "",
  "v=0\r\nmore than was promised",
];
const text = (...lines: string[]): string => lines.join("\r\n");

describe("reading a message", () => {
  it("wants the module first", () => {
    assert.throws(() => parseMessage(text(...INVITE)), { kind: "state" });
  });

  describe("once that is there", () => {
    before(() => loadWasm());

    it("gives a request with its fields", () => {
      const message = parseMessage(text(...INVITE));
      assert.ok(message.kind === "request");
      assert.deepEqual([message.method, message.uri], ["INVITE", "sip:bob@example.com"]);
      assert.deepEqual(message.via, [
        { transport: "WSS", host: "[2001:db8::1]", port: 5061, params: { branch: "z9hG4bK1", rport: null } },
        { transport: "UDP", host: "host.example.com", port: null, params: { branch: "z9hG4bK2" } },
        { transport: "TCP", host: "192.0.2.7", port: null, params: {} },
      ]);
      const alice = "sip:alice@example.com;user=phone";
      assert.deepEqual(message.from, { displayName: 'A "big" one', uri: alice, params: { tag: "a1" } });
      assert.deepEqual(message.to, { displayName: "Bob", uri: "sip:bob@example.com", params: {} });
      assert.deepEqual(message.contact, [
        { displayName: null, uri: "sip:alice@192.0.2.1", params: { expires: "60" } },
        { displayName: null, uri: "sip:alice@192.0.2.2", params: {} },
      ]);
      assert.deepEqual(message.cseq, { number: 7, method: "INVITE" });
      const { callId, maxForwards, expires, contentType, body, problems } = message;
      assert.deepEqual(
        { callId, maxForwards, expires, contentType, body, problems },
        { callId: "1@example.com", maxForwards: 70, expires: null, contentType: "application/sdp", body: "v=0\r\n", problems: [] },
      );
      // A line that goes on is one line.
      assert.deepEqual(message.headers.slice(-4, -1), [
        ["Subject", "two   lines"],
        ["X-Empty", ""],
        ["Content-Type", "application/sdp"],
      ]);
    });

    it("gives a response, in whatever letters", () => {
      const message = parseMessage(text("SIP/2.0 486 Besetzt, später", "f: \"Zoë\" <sip:z@example.com>", "m: *", "", "日本"));
      assert.ok(message.kind === "response");
      assert.deepEqual([message.status, message.reason, message.body], [486, "Besetzt, später", "日本"]);
      assert.equal(message.from?.displayName, "Zoë");
      assert.deepEqual(message.contact, [{ displayName: null, uri: "*", params: {} }]);
      assert.deepEqual([message.to, message.callId, message.cseq, message.via], [null, null, null, []]);
      const [missing] = message.problems.filter(({ field }) => field === "Call-ID");
      assert.equal(missing?.message, "Call-ID is missing");
    });

    it("leaves out what cannot be read, and says why", () => {
      const message = parseMessage(text("OPTIONS sip:a@b SIP/2.0", "CSeq: many OPTIONS", "From: <sip:a@b", "Call-ID: 1", "", ""));
      assert.deepEqual([message.cseq, message.from, message.callId], [null, null, "1"]);
      assert.deepEqual(
        message.problems.map(({ field, offset }) => `${field} at ${offset}`).filter((problem) => /CSeq|From/.test(problem)),
        ["From at 59", "CSeq at 31"],
      );
    });

    it("keeps messages apart", () => {
      const [first, second] = [parseMessage(text(...INVITE)), parseMessage("SIP/2.0 200 OK\r\nCall-ID: 2\r\n\r\nbody")];
      assert.deepEqual([first.body, second.body, first.headers.length, second.headers], ["v=0\r\n", "body", 12, [["Call-ID", "2"]]]);
      const copy = JSON.parse(JSON.stringify(second)) as typeof second;
      assert.deepEqual([copy.kind, copy.body, copy.headers], ["response", "body", [["Call-ID", "2"]]]);
    });

    it("throws for something else, with the place", () => {
      for (const [other, field, offset] of [
        ["hello", "start line", 5],
        ["INVITE sip:bob@example.com SIP/3.0\r\n\r\n", "start line", 27],
      ] as const) {
        assert.throws(
          () => parseMessage(other),
          ({ kind, detail }: { kind: string; detail: { field: string; offset: number } }) =>
            kind === "input" && detail.field === field && detail.offset === offset,
        );
      }
    });
  });
});
