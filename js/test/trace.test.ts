import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LadderMessage, traceAsPcap, traceAsText } from "../src/trace-export.js";

const OPTIONS = "OPTIONS sip:bob@example.com SIP/2.0\r\nCall-ID: 1\r\n\r\n";
const message = (more: Partial<LadderMessage>): LadderMessage => ({
  direction: "out",
  transport: "WSS",
  remote: "server",
  text: OPTIONS,
  at: 1_700_000_000_123,
  ...more,
});

/** The sum over a header, its checksum included, is all ones (RFC 1071). */
function sum(bytes: Uint8Array, start = 0): number {
  let total = start;
  bytes.forEach((byte, index) => (total += index % 2 ? byte : byte << 8));
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

describe("a trace", () => {
  it("is exported as text", () => {
    const text = traceAsText([message({}), message({ direction: "in", remote: "192.0.2.9:5060", transport: "UDP" })]);
    assert.equal(
      text,
      "--- 2023-11-14T22:13:20.123Z sent to server (WSS)\nOPTIONS sip:bob@example.com SIP/2.0\nCall-ID: 1\n\n" +
        "--- 2023-11-14T22:13:20.123Z received from 192.0.2.9:5060 (UDP)\nOPTIONS sip:bob@example.com SIP/2.0\nCall-ID: 1\n",
    );
  });

  it("is exported as a capture that every tool reads", () => {
    const file = traceAsPcap([message({}), message({ direction: "in", remote: "198.51.100.7:5080" })]);
    const view = new DataView(file.buffer);
    assert.equal(view.getUint32(0), 0xa1b2c3d4);
    assert.deepEqual([view.getUint16(4), view.getUint16(6), view.getUint32(20)], [2, 4, 101]);
    const length = 28 + OPTIONS.length;
    assert.deepEqual([24, 28, 32, 36].map((at) => view.getUint32(at)), [1_700_000_000, 123_000, length, length]);
    const first = file.subarray(40, 40 + length);
    assert.deepEqual([...first.subarray(12, 20)], [192, 0, 2, 1, 192, 0, 2, 2]);
    assert.equal(sum(first.subarray(0, 20)), 0xffff);
    assert.equal(sum(first.subarray(12), 17 + length - 20), 0xffff);
    assert.equal(new TextDecoder().decode(first.subarray(28)), OPTIONS);
    const second = file.subarray(40 + length + 16);
    assert.deepEqual([...second.subarray(12, 20)], [198, 51, 100, 7, 192, 0, 2, 1]);
    assert.equal(new DataView(second.buffer, second.byteOffset).getUint16(20), 5080);
    assert.equal(file.length, 24 + 2 * (16 + length));
  });

  it("knows IPv6", () => {
    const file = traceAsPcap([message({ remote: "[2001:db8::5:6]:5061" })]).subarray(40);
    assert.equal(file[0], 0x60);
    assert.deepEqual([...file.subarray(24, 40)], [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 6]);
    assert.equal(sum(file.subarray(8), 17 + file.length - 40), 0xffff);
  });

  it("is empty without messages", () => {
    assert.equal(traceAsText([]), "");
    assert.equal(traceAsPcap([]).length, 24);
  });
});
