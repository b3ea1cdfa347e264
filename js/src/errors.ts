import type { End, ErrorValue, ReasonValue } from "./protocol.js";

/** Why media could not be had. */
export type MediaProblem =
  /** The person or the browser's policy did not allow the microphone. */
  | "denied"
  /** There is no microphone. */
  | "no-device"
  /** The microphone is there but could not be opened; mostly another program has it. */
  | "busy"
  /** This page, or this program, has no media: not https, or no WebRTC. */
  | "unsupported"
  /** The two descriptions do not fit, or one cannot be understood. */
  | "negotiation"
  /** No path for the media was found, or it was lost. */
  | "ice"
  /** The browser will not play sound before the person touches the page. */
  | "playback";

/** A failure of media on this side. */
export interface MediaErrorValue {
  kind: "media";
  problem: MediaProblem;
  message: string;
}

/** Everything that can go wrong, told apart by `kind`. */
export type ErrorDetail = ErrorValue | MediaErrorValue;

/**
 * What every promise of this package rejects with. `message` is for people; `detail` is for programs:
 *
 * ```ts
 * if (error instanceof OffhookError && error.detail.kind === "status") console.log(error.detail.status);
 * ```
 */
export class OffhookError extends Error {
  /** The typed failure. */
  readonly detail: ErrorDetail;

  constructor(detail: ErrorDetail, options?: { message?: string; cause?: unknown }) {
    super(options?.message ?? describe(detail), options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "OffhookError";
    this.detail = detail;
  }

  /** Which kind of failure: the same as `detail.kind`. */
  get kind(): ErrorDetail["kind"] {
    return this.detail.kind;
  }

  /** The SIP status the other side refused with, or null if it was no refusal. */
  get status(): number | null {
    return this.detail.kind === "status" || this.detail.kind === "authentication" ? this.detail.status : null;
  }
}

/** A failure in words. */
export function describe(detail: ErrorDetail): string {
  switch (detail.kind) {
    case "status":
      return `${detail.status} ${detail.reason || phrase(detail.status)}${describeReason(detail.cause)}`;
    case "authentication":
      return `${detail.message || "wrong user name or password"} (${detail.status} ${phrase(detail.status)})`;
    case "timeout":
      return detail.timer ? `no answer in time (Timer ${detail.timer})` : "no answer in time";
    case "transport":
      return detail.message || "the connection to the server was lost";
    case "input":
      return `${detail.field}: ${detail.message} (at position ${detail.offset})`;
    case "cancelled":
      return "cancelled";
    case "glare":
      return "the other side's offer came first";
    case "state":
    case "protocol":
    case "limit":
    case "internal":
    case "media":
      return detail.message;
  }
}

function describeReason(reason: ReasonValue | null): string {
  return reason?.text ? ` (${reason.text})` : "";
}

/** The reason phrases worth having when the other side sent none. */
function phrase(status: number): string {
  switch (status) {
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 480:
      return "Temporarily Unavailable";
    case 486:
      return "Busy Here";
    case 487:
      return "Request Terminated";
    case 488:
      return "Not Acceptable Here";
    case 491:
      return "Request Pending";
    case 503:
      return "Service Unavailable";
    case 603:
      return "Decline";
    default:
      return "";
  }
}

/** @internal A media failure. */
export function mediaError(problem: MediaProblem, message: string, cause?: unknown): OffhookError {
  return new OffhookError({ kind: "media", problem, message }, { cause });
}

/** @internal The failure for something asked at the wrong moment. */
export function stateError(message: string): OffhookError {
  return new OffhookError({ kind: "state", message });
}

/** @internal The failure for an argument that cannot be used. */
export function inputError(field: string, message: string, offset = 0): OffhookError {
  return new OffhookError({ kind: "input", field, offset, message });
}

/** @internal Whatever was thrown, as one of ours. */
export function toOffhookError(thrown: unknown): OffhookError {
  if (thrown instanceof OffhookError) return thrown;
  if (isErrorValue(thrown)) return new OffhookError(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new OffhookError({ kind: "protocol", message }, { cause: thrown });
}

function isErrorValue(thrown: unknown): thrown is ErrorValue {
  return typeof thrown === "object" && thrown !== null && "kind" in thrown && !(thrown instanceof Error);
}

/** @internal Why a call that ended before it was established did not come about. */
export function errorFromEnd(end: End): OffhookError {
  if (end.error) return new OffhookError(end.error);
  if (end.by === "local") {
    // Another tab has it (RFC 3326 2).
    const elsewhere = end.cause?.cause === 200;
    const message = elsewhere ? end.reason : "hung up before the call was answered";
    return new OffhookError({ kind: "cancelled" }, { message });
  }
  if (end.by === "network") return new OffhookError({ kind: "transport", message: end.reason });
  const status = end.status !== null && end.status >= 300 ? end.status : 487;
  return new OffhookError({ kind: "status", status, reason: end.reason, cause: end.cause, retryAfter: null, contacts: [] });
}
