/** A message as the `trace` event of a user agent has it: secrets are masked in it already. */
export interface LadderMessage {
  direction: "in" | "out";
  transport: string;
  remote: string;
  text: string;
  /** Milliseconds since the Unix epoch. */
  at: number;
}

/** The messages as text, each below a line with its time, direction and other end. */
export function traceAsText(messages: readonly LadderMessage[]): string {
  return messages
    .map(({ direction, transport, remote, text, at }) => {
      const way = direction === "out" ? "sent to" : "received from";
      return `--- ${new Date(at).toISOString()} ${way} ${remote} (${transport})\n${text.replaceAll("\r\n", "\n").trimEnd()}\n`;
    })
    .join("\n");
}

/** This side and a server whose address nobody knows, in networks that are for documentation (RFC 5737, RFC 3849). */
const HERE = { v4: [192, 0, 2, 1], v6: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1] };
const SOMEWHERE = { ip: [192, 0, 2, 2], port: 5060, v6: false };
/** What a capture names its packets by: they begin with an IP header. */
const LINKTYPE_RAW = 101;
const UDP = 17;

/**
 * The messages as a capture for Wireshark, sngrep and the like: each as one UDP packet, whatever it came over, for that is
 * what every tool reads. This side is 192.0.2.1 (2001:db8::1).
 */
export function traceAsPcap(messages: readonly LadderMessage[]): Uint8Array<ArrayBuffer> {
  const packets = messages.map((message) => ({ at: message.at, bytes: packet(message) }));
  const length = packets.reduce((sum, { bytes }) => sum + 16 + bytes.length, 24);
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  [0xa1b2c3d4, 0x0002_0004, 0, 0, 0x40000, LINKTYPE_RAW].forEach((word, index) => view.setUint32(index * 4, word));
  let offset = 24;
  for (const { at, bytes } of packets) {
    const micros = Math.round((at % 1000) * 1000);
    [Math.floor(at / 1000), micros, bytes.length, bytes.length].forEach((word, index) =>
      view.setUint32(offset + index * 4, word),
    );
    file.set(bytes, offset + 16);
    offset += 16 + bytes.length;
  }
  return file;
}

interface Place {
  /** Four bytes, or eight words. */
  ip: number[];
  port: number;
  v6: boolean;
}

/** One message as an IP packet (RFC 791, RFC 8200) with a UDP datagram in it (RFC 768). */
function packet({ direction, remote, text }: LadderMessage): Uint8Array {
  const there = place(remote);
  const here: Place = { ip: there.v6 ? HERE.v6 : HERE.v4, port: 5060, v6: there.v6 };
  const [from, to] = direction === "out" ? [here, there] : [there, here];
  // What is longer than a datagram can be is cut.
  const body = new TextEncoder().encode(text).subarray(0, 65_000);
  const header = there.v6 ? 40 : 20;
  const bytes = new Uint8Array(header + 8 + body.length);
  const view = new DataView(bytes.buffer);
  const addresses = there.v6 ? 8 : 12;
  if (there.v6) {
    view.setUint32(0, 0x6000_0000);
    view.setUint16(4, 8 + body.length);
    view.setUint16(6, (UDP << 8) | 64);
  } else {
    view.setUint16(0, 0x4500);
    view.setUint16(2, bytes.length);
    view.setUint16(8, (64 << 8) | UDP);
  }
  const words = [...from.ip, ...to.ip];
  words.forEach((word, index) =>
    there.v6 ? view.setUint16(addresses + index * 2, word) : view.setUint8(addresses + index, word),
  );
  if (!there.v6) view.setUint16(10, checksum(bytes.subarray(0, header)));
  view.setUint16(header, from.port);
  view.setUint16(header + 2, to.port);
  view.setUint16(header + 4, 8 + body.length);
  bytes.set(body, header + 8);
  // The addresses, the protocol and the length are part of the sum.
  view.setUint16(header + 6, checksum(bytes.subarray(addresses), UDP + 8 + body.length) || 0xffff);
  return bytes;
}

/** RFC 1071. */
function checksum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  bytes.forEach((byte, index) => (sum += index % 2 ? byte : byte << 8));
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

function place(remote: string): Place {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+):(\d+)$/.exec(remote);
  if (v4) return { ip: v4.slice(1, 5).map(Number), port: Number(v4[5]), v6: false };
  const v6 = /^\[([\da-f:]+)\]:(\d+)$/i.exec(remote);
  if (!v6) return SOMEWHERE;
  const words = (text: string): number[] => (text ? text.split(":").map((word) => parseInt(word, 16)) : []);
  const [first = "", last] = (v6[1] ?? "").split("::", 2);
  const [head, tail] = [words(first), words(last ?? "")];
  const gap = Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0);
  return { ip: [...head, ...gap, ...tail].slice(0, 8), port: Number(v6[2]), v6: true };
}
