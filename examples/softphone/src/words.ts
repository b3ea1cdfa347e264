import { type Address, type Call, type End, OffhookError } from "offhook";

/** Who somebody is, as short as it can be said. */
export function name(address: Address): string {
  return address.displayName || address.uri.replace(/^sips?:/i, "").replace(/[;?].*$/, "");
}

/** A call's state. */
export function callState(call: Call): string {
  switch (call.state) {
    case "calling":
      return "Calling…";
    case "proceeding":
      return "Connecting…";
    case "ringing":
      return call.direction === "outgoing" ? "Ringing…" : "Incoming call";
    case "answered":
      return "Connecting…";
    case "established":
      if (call.onHold.local) return "On hold";
      return call.onHold.remote ? "You are on hold" : call.muted ? "In call, muted" : "In call";
    case "ending":
      return "Hanging up…";
    case "ended":
      return "Call ended";
  }
}

/** Why a call is over, as seen from here. */
export function callEnd(call: Call, end: End): string {
  const talked = call.history.some(({ state }) => state === "established");
  if (end.by === "network") return "Connection lost";
  if (talked) return "Call ended";
  if (end.by === "local") return call.direction === "incoming" ? "Declined" : "Cancelled";
  if (call.direction === "incoming") return "Missed call";
  return refusal(end.status, end.reason);
}

/** What a refusal means to a person. */
function refusal(status: number | null, reason: string): string {
  switch (status) {
    case 403:
      return "Not allowed";
    case 404:
    case 604:
      return "Nobody has this address";
    case 408:
      return "No answer";
    case 410:
      return "The address is no longer in use";
    case 480:
      return "Not available at the moment";
    case 486:
    case 600:
      return "Busy";
    case 488:
    case 606:
      return "The two phones have no common way to talk";
    case 603:
      return "Declined";
    case null:
      return reason || "Call failed";
    default:
      return `Call failed: ${status} ${reason}`.trim();
  }
}

/** What went wrong, and with what: `problem("Could not hold the call", …)`. */
export function problem(what: string, thrown: unknown): string {
  if (!(thrown instanceof OffhookError)) return `${what}. Something is wrong in this page: reload it and try again.`;
  const { detail } = thrown;
  switch (detail.kind) {
    case "status":
      return `${what}: the other side refused it (${thrown.message}).`;
    case "input":
      return `${what}: ${detail.message}.`;
    default:
      return `${what}: ${thrown.message.replace(/\.$/, "")}.`;
  }
}

/** A duration in milliseconds as a clock shows it. */
export function clock(duration: number): string {
  const seconds = Math.max(0, Math.floor(duration / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
}
