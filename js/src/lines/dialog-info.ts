import { inputError } from "../errors.js";
import type { Address, Replacement } from "../protocol.js";
import { child, children, childText, escapeXml, parseXml } from "./xml.js";

/** The media type (RFC 4235). */
export const DIALOG_INFO = "application/dialog-info+xml";

/** The states of a dialog (RFC 4235 3.7.1). */
export type DialogState = "trying" | "proceeding" | "early" | "confirmed" | "terminated";

/** Who called: the entity, or the other side. */
export type DialogDirection = "initiator" | "recipient";

/** One side of a dialog. */
export interface DialogParticipant {
  identity: Address | null;
  /** Its target URI. */
  target: string | null;
  /** Whether it is heard: `+sip.rendering`, which is `no` on hold. Null: that is not said. */
  rendering: boolean | null;
}

/** One dialog. */
export interface DialogEntry {
  /** Names the dialog within the subscription. */
  id: string;
  callId: string | null;
  localTag: string | null;
  remoteTag: string | null;
  direction: DialogDirection | null;
  state: DialogState;
  /** What led to it: `cancelled`, `rejected`, `replaced`, `local-bye`, `remote-bye`, `error`, `timeout`. */
  event: string | null;
  /** The status of the response that led to it. */
  code: number | null;
  /** For how many seconds it has been there. */
  duration: number | null;
  /** The entity itself, and the other side. */
  local: DialogParticipant;
  remote: DialogParticipant;
}

/** A document of the package `dialog`. */
export interface DialogInfo {
  version: number;
  /** All dialogs, or those that changed. */
  scope: "full" | "partial";
  /** Whose dialogs these are. */
  entity: string;
  dialogs: DialogEntry[];
}

/** What a lamp shows (BLF). */
export type LineState = "idle" | "ringing" | "busy" | "held";

const STATES: readonly string[] = ["trying", "proceeding", "early", "confirmed", "terminated"] satisfies DialogState[];

/** Reads a document. Throws an `OffhookError` of kind `input` where it cannot be used. */
export function parseDialogInfo(body: string): DialogInfo {
  const root = parseXml(body, "dialog-info");
  const version = Number(root.getAttribute("version") ?? "");
  if (!Number.isInteger(version) || version < 0 || root.getAttribute("version") === null)
    throw inputError("dialog-info", "a document has a version", 0);
  return {
    version,
    scope: root.getAttribute("state") === "partial" ? "partial" : "full",
    entity: root.getAttribute("entity") ?? "",
    dialogs: children(root, "dialog").map(entry),
  };
}

function entry(dialog: Element): DialogEntry {
  const id = dialog.getAttribute("id");
  if (!id) throw inputError("dialog-info", "a dialog has an id", 0);
  const state = child(dialog, "state");
  const name = state?.textContent?.trim() ?? "";
  if (!isState(name)) throw inputError("dialog-info", `"${name}" is no state of a dialog`, 0);
  const direction = dialog.getAttribute("direction");
  return {
    id,
    callId: dialog.getAttribute("call-id"),
    localTag: dialog.getAttribute("local-tag"),
    remoteTag: dialog.getAttribute("remote-tag"),
    direction: direction === "initiator" || direction === "recipient" ? direction : null,
    state: name,
    event: state?.getAttribute("event") ?? null,
    code: number(state?.getAttribute("code")),
    duration: number(childText(dialog, "duration")),
    local: participant(child(dialog, "local")),
    remote: participant(child(dialog, "remote")),
  };
}

function isState(name: string): name is DialogState {
  return STATES.includes(name);
}

function number(text: string | null | undefined): number | null {
  return text && /^\d+$/.test(text) ? Number(text) : null;
}

function participant(side: Element | null): DialogParticipant {
  const identity = side && child(side, "identity");
  const target = side && child(side, "target");
  const rendering = target && children(target, "param").find((param) => param.getAttribute("pname") === "+sip.rendering");
  const said = rendering?.getAttribute("pval");
  return {
    identity: identity ? { displayName: identity.getAttribute("display"), uri: identity.textContent?.trim() ?? "" } : null,
    target: target?.getAttribute("uri") ?? null,
    rendering: said === "yes" ? true : said === "no" ? false : null,
  };
}

/** The dialogs of somebody, as a subscriber knows them (RFC 4235 4.3). One for each subscription. */
export class DialogInfoState {
  #version: number | null = null;
  #dialogs: DialogEntry[] = [];

  /** The dialogs, the oldest first. Those that are over can be seen until the next document. */
  get dialogs(): readonly DialogEntry[] {
    return this.#dialogs;
  }

  /**
   * Takes in the next document. `incomplete`: something before it was missed, so refresh the subscription. `stale`: it is older
   * than what is known, nothing was changed.
   */
  apply({ version, scope, dialogs }: DialogInfo): "updated" | "incomplete" | "stale" {
    const last = this.#version;
    if (last !== null && (version < last || (scope === "partial" && version === last))) return "stale";
    const gap = scope === "partial" && (last === null || version !== last + 1);
    this.#version = version;
    const kept = scope === "full" ? [] : this.#dialogs.filter(({ state }) => state !== "terminated");
    for (const dialog of dialogs) {
      const at = kept.findIndex(({ id }) => id === dialog.id);
      if (at < 0) kept.push(dialog);
      else kept[at] = dialog;
    }
    this.#dialogs = kept.slice(0, MAX_DIALOGS);
    return gap ? "incomplete" : "updated";
  }
}

/** More dialogs of one entity are not kept. */
const MAX_DIALOGS = 256;

/** What a lamp shows for these dialogs: that it rings first, then that somebody talks, then that somebody waits. */
export function lineState(dialogs: readonly DialogEntry[]): LineState {
  const live = dialogs.filter(({ state }) => state !== "terminated");
  if (live.some(({ state, direction }) => state === "early" && direction !== "initiator")) return "ringing";
  const talks = live.filter(({ local }) => local.rendering !== false);
  if (talks.length > 0) return "busy";
  return live.length > 0 ? "held" : "idle";
}

/**
 * What `UserAgent.call` takes as `replaces`: called is the other side, to take the place of the entity (to pick up what rings
 * there), or the entity, to take the place of the other side. Null where the tags are not told, or it is over.
 */
export function replacementOf(dialog: DialogEntry, called: "remote" | "entity" = "remote"): Replacement | null {
  const { callId, localTag, remoteTag, state } = dialog;
  if (!callId || !localTag || !remoteTag || state === "terminated") return null;
  if (called === "entity") return { callId, toTag: localTag, fromTag: remoteTag };
  return { callId, toTag: remoteTag, fromTag: localTag, ...(state === "confirmed" ? {} : { earlyOnly: true }) };
}

/** What of a dialog is written: with its Call-ID and tags, whoever reads them can take it over (`replacementOf`). */
export type WrittenDialog = Pick<DialogEntry, "id" | "direction" | "state"> &
  Partial<Pick<DialogEntry, "callId" | "localTag" | "remoteTag">> & { remote: Address | null; held: boolean };

/** Writes a whole document, for who tells others. */
export function writeDialogInfo(version: number, entity: string, dialogs: readonly WrittenDialog[]): string {
  const written = dialogs.map(({ id, callId, localTag, remoteTag, direction, state, remote, held }) => {
    const attributes = { "call-id": callId, "local-tag": localTag, "remote-tag": remoteTag, direction };
    const said = Object.entries(attributes).map(([name, value]) => (value ? ` ${name}="${escapeXml(value)}"` : ""));
    const display = remote?.displayName ? ` display="${escapeXml(remote.displayName)}"` : "";
    const other = remote ? `<remote><identity${display}>${escapeXml(remote.uri)}</identity></remote>` : "";
    const rendering = `<param pname="+sip.rendering" pval="${held ? "no" : "yes"}"/>`;
    const local = `<local><target uri="${escapeXml(entity)}">${rendering}</target></local>`;
    return `<dialog id="${escapeXml(id)}"${said.join("")}><state>${state}</state>${local}${other}</dialog>`;
  });
  const root = `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="${escapeXml(entity)}">`;
  return `<?xml version="1.0"?>\n${root}${written.join("")}</dialog-info>\n`;
}
