import { type Address, type Call, type End, OffhookError } from "offhook";
import type { QualityProblem } from "offhook/quality";

/** Who somebody is, as short as it can be said: of our own domain, without it. */
export function nameOf({ displayName, uri }: Address, aor: string): string {
  if (displayName) return displayName;
  const plain = uri.replace(/^(sips?|tel):/i, "").replace(/[;?].*$/, "");
  const domain = aor.slice(aor.lastIndexOf("@"));
  return plain.toLowerCase().endsWith(domain.toLowerCase()) ? plain.slice(0, -domain.length) : plain;
}

/** A call's state. */
export function callState(call: Call, muted: boolean): string {
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
      return call.onHold.remote ? "You are on hold" : muted ? "In call, muted" : "In call";
    case "ending":
      return "Hanging up…";
    case "ended":
      return "Call ended";
  }
}

/** Why a call is over, as seen from here. */
export function callEnd(call: Call, end: End | null): string {
  if (!end) return "Call ended";
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

/** What there is to say about the sound. */
export function mediaNote(call: Call): string {
  if (call.state !== "established") return "";
  switch (call.mediaState) {
    case "interrupted":
      return "The sound is interrupted at the moment.";
    case "failed":
      return "The sound was lost; looking for another way…";
    default:
      return "";
  }
}

/** The score of a call in words (ITU-T P.800). */
export function scoreInWords(mos: number | null): string {
  if (mos === null) return "Measuring…";
  if (mos >= 4.1) return "Excellent";
  if (mos >= 3.6) return "Good";
  if (mos >= 3.1) return "Fair";
  return mos >= 2.6 ? "Poor" : "Bad";
}

/** What is wrong with a call, and what can be done. */
export function qualityProblem(found: QualityProblem): string {
  switch (found) {
    case "no-incoming-audio":
      return "Nothing is to be heard from the other side.";
    case "no-outgoing-audio":
      return "The other side does not hear you.";
    case "silent-microphone":
      return "Your microphone is silent: is it switched off, or the wrong one?";
    case "frozen-video":
      return "The picture stands still.";
    case "poor-quality":
      return "The connection is poor.";
  }
}

/** A day and a time, as short as can be. */
export function moment(at: number, now = Date.now()): string {
  const date = new Date(at);
  const today = new Date(now).toDateString() === date.toDateString();
  const time = date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return today ? time : `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${time}`;
}

/** The letters that stand for somebody. */
export function initials(name: string): string {
  const words = name.replace(/@.*/, "").split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => word?.[0] ?? "") : [...(words[0] ?? "?")].slice(0, 1);
  return letters.join("").toUpperCase();
}

/** A duration in milliseconds as a clock shows it. */
export function clock(duration: number): string {
  const seconds = Math.max(0, Math.floor(duration / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
}
