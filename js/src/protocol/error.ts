// `sip-core/src/control/error.rs`
import type { Address } from "./values.js";

/** A typed failure. The same kinds as the Rust `Error`. */
export type ErrorValue =
  /** The other side refused: SIP status, its reason phrase, the Reason header (RFC 3326) and Retry-After in seconds if there were; where to try instead (3xx, 485), the best first. */
  | { kind: "status"; status: number; reason: string; cause: ReasonValue | null; retryAfter: number | null; contacts: Address[] }
  /** Wrong credentials, or a challenge we cannot answer. */
  | { kind: "authentication"; status: number; message: string }
  /**
   * No answer in time: `timer` is the RFC's name ("B", "C", "F", "H" …), or what was waited for: "ring" (our answer to a
   * call), "answer" (theirs), "offer" (the answer within a call), "Expires", "PRACK", "Session-Expires".
   */
  | { kind: "timeout"; timer: string }
  /** No flow could be opened, or it was lost. */
  | { kind: "transport"; message: string }
  /** What the application passed cannot be used. */
  | { kind: "input"; field: string; offset: number; message: string }
  /** Not possible in this state. */
  | { kind: "state"; message: string }
  /** The other side's offer came first: once that is answered, offer anew if it is still wanted. */
  | { kind: "glare" }
  /** The peer sent something that cannot be used. */
  | { kind: "protocol"; message: string }
  /** Hung up or shut down by this side before it was done. */
  | { kind: "cancelled" }
  /** A limit of the configuration was reached. */
  | { kind: "limit"; message: string }
  /** This program failed at something else, and what was under way there is lost. */
  | { kind: "internal"; message: string };

/** RFC 3326: protocol "SIP" or "Q.850", cause number, text. */
export interface ReasonValue {
  protocol: string;
  cause: number | null;
  text: string | null;
}
