/**
 * Reads single SIP messages, e.g. those of `trace` events or of a log, by the same parser that the user agent has:
 *
 * ```ts
 * import { loadWasm, parseMessage } from "offhook/message";
 *
 * await loadWasm(); // once; a user agent has done it
 * const message = parseMessage(text);
 * console.log(message.from?.uri, message.cseq?.method, message.via[0]?.params["branch"]);
 * ```
 *
 * @module
 */
import { MessageReader } from "../wasm/offhook_wasm.js";
import { OffhookError, stateError } from "./errors.js";
import { loadedWasm } from "./wasm-port.js";

export { loadWasm } from "./wasm-port.js";

/** Parameters of a header field, by their names as written; null: it is there without a value. */
export type Parameters = Record<string, string | null>;

/** From, To and Contact (RFC 3261 20.10). */
export interface AddressField {
  /** Without quotation marks and escapes. */
  displayName: string | null;
  /** As written; `*` in a Contact that stands for all. */
  uri: string;
  /** Those of the field, such as `tag` and `expires`; not those of the URI. */
  params: Parameters;
}

/** One value of Via (RFC 3261 20.42). */
export interface ViaField {
  /** `WS`, `UDP` … as written. */
  transport: string;
  host: string;
  port: number | null;
  params: Parameters;
}

/** What requests and responses have in common. What is missing, or cannot be read, is null or not in its list. */
export interface MessageFields {
  /** From the top. */
  via: ViaField[];
  from: AddressField | null;
  to: AddressField | null;
  contact: AddressField[];
  callId: string | null;
  cseq: { number: number; method: string } | null;
  maxForwards: number | null;
  /** In seconds. */
  expires: number | null;
  contentType: string | null;
  /** Every header field in its order: its name as written, its value as it stands there. */
  headers: [name: string, value: string][];
  body: string;
  /** The fields that could not be read: why, and at which byte of the message. */
  problems: MessageProblem[];
}

/** A field that could not be read. */
export interface MessageProblem {
  field: string;
  offset: number;
  message: string;
}

/** A SIP request. */
export interface SipRequest extends MessageFields {
  kind: "request";
  method: string;
  /** The Request-URI. */
  uri: string;
}

/** A SIP response. */
export interface SipResponse extends MessageFields {
  kind: "response";
  status: number;
  reason: string;
}

/** A SIP message. */
export type SipMessage = SipRequest | SipResponse;

/** As in sip-wasm/src/reader.rs. */
const NOTHING = 0xffff_ffff;
const OTHER = 0xffff_fffe;

/**
 * Reads a message. A field that cannot be read is left out and told in `problems`.
 *
 * Throws an `OffhookError` of kind `input`, with the field and the byte, for something that is no SIP message; of kind
 * `state` before `loadWasm` is done.
 */
export function parseMessage(text: string): SipMessage {
  find(text, false);
  if (places.length === 0) {
    const problem = problemOf(0);
    throw new OffhookError({ kind: "input", ...problem }, { message: problem.message });
  }
  const status = number();
  return status === 0 ? new Request(text, part(), part()) : new Response(text, status, part());
}

/** A message from its fields on. The list of all header fields is made when somebody asks for it. */
class Fields {
  readonly via = list(viaField);
  readonly from = addressField();
  readonly to = addressField();
  readonly contact = list(addressField) as AddressField[];
  readonly callId = place();
  readonly cseq = cseqField();
  readonly maxForwards = known(number());
  readonly expires = known(number());
  readonly contentType = place();
  readonly problems = list((index) => problemOf(index));
  readonly body = part();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get headers(): [name: string, value: string][] {
    find(this.#text, true);
    return list(headerField);
  }

  toJSON(): object {
    return { ...this, headers: this.headers };
  }
}

class Request extends Fields implements SipRequest {
  readonly kind = "request";

  constructor(
    text: string,
    readonly method: string,
    readonly uri: string,
  ) {
    super(text);
  }
}

class Response extends Fields implements SipResponse {
  readonly kind = "response";

  constructor(
    text: string,
    readonly status: number,
    readonly reason: string,
  ) {
    super(text);
  }
}

// A message is read from the first of its places to the last, without a break: how far is told by variables of the module.

let shared: MessageReader | null = null;
/** The characters; the bytes where they are not the same. */
let message: string | Uint8Array = "";
let places = new Uint32Array();
let at = 0;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Has the module find what is in a text: the fields with types, or all header fields. */
function find(text: string, all: boolean): void {
  const wasm = loadedWasm();
  if (!wasm) throw stateError("await loadWasm() first");
  shared ??= new MessageReader();
  // A character has three bytes at most.
  const room = text.length * 3;
  const { written } = encoder.encodeInto(text, new Uint8Array(wasm.memory.buffer, shared.room(room), room));
  const found = shared.read(written, all);
  places = new Uint32Array(wasm.memory.buffer, found, shared.count()).slice();
  // Where lines were joined it is another text.
  const same = written === text.length && places[0] !== 1;
  message = same ? text : new Uint8Array(wasm.memory.buffer, shared.room(0), written).slice();
  at = 1;
}

function number(): number {
  return places[at++] as number;
}

function known(value: number): number | null {
  return value === NOTHING ? null : value;
}

function place(): string | null {
  const start = number();
  if (start === NOTHING) return null;
  const end = number();
  if (start === OTHER) return shared?.other(end) ?? null;
  return typeof message === "string" ? message.slice(start, end) : decoder.decode(message.subarray(start, end));
}

function part(): string {
  return place() ?? "";
}

function list<T>(item: (index: number) => T): T[] {
  const count = number();
  const items: T[] = [];
  for (let index = 0; index < count; index++) items.push(item(index));
  return items;
}

function params(): Parameters {
  const found: Parameters = {};
  for (let left = number(); left > 0; left--) found[part()] = place();
  return found;
}

function viaField(): ViaField {
  return { transport: part(), host: part(), port: known(number()), params: params() };
}

function addressField(): AddressField | null {
  const uri = place();
  return uri === null ? null : { uri, displayName: place(), params: params() };
}

function cseqField(): MessageFields["cseq"] {
  const sequence = place();
  return sequence === null ? null : { number: number(), method: sequence };
}

function headerField(): [name: string, value: string] {
  return [part(), part()];
}

function problemOf(index: number): MessageProblem {
  const [field = "", message = ""] = [shared?.problem(index), shared?.problemText(index)];
  return { field, offset: shared?.problemOffset(index) ?? 0, message };
}
