import { inputError } from "../errors.js";
import { child, children, childText, escapeXml, parseXml } from "./xml.js";

/** The media type (RFC 3863). */
export const PIDF = "application/pidf+xml";

/** Ready to receive calls, or not. */
export type Basic = "open" | "closed";

/** One way to reach somebody. */
export interface PresenceTuple {
  id: string;
  basic: Basic | null;
  /** The URI to reach them at. */
  contact: string | null;
  notes: string[];
}

/** The presence of somebody (RFC 3863, with the activities of RFC 4480). */
export interface Presence {
  /** Whose it is. */
  entity: string;
  /** Open if any way is, closed if all that say something are, null if none does. */
  basic: Basic | null;
  /** The first note about them, or else of a way to reach them. */
  note: string | null;
  /** What they do: `on-the-phone`, `away`, `meeting` … */
  activities: string[];
  tuples: PresenceTuple[];
}

/** Reads a document. Throws an `OffhookError` of kind `input` where it cannot be used. */
export function parsePresence(body: string): Presence {
  const root = parseXml(body, "presence");
  const tuples = children(root, "tuple").filter(isUnderstood).map(tuple);
  const said = tuples.flatMap(({ basic }) => basic ?? []);
  const persons = children(root, "person");
  const notes = [...texts(root), ...persons.flatMap(texts), ...tuples.flatMap((one) => one.notes)];
  const activities = [...root.getElementsByTagNameNS("*", "activities")].flatMap((element) => [...element.children]);
  return {
    entity: root.getAttribute("entity") ?? "",
    basic: said.length === 0 ? null : said.includes("open") ? "open" : "closed",
    note: notes[0] ?? null,
    activities: activities.map(({ localName }) => localName).filter((name) => name !== "note"),
    tuples,
  };
}

function tuple(element: Element): PresenceTuple {
  const id = element.getAttribute("id");
  if (!id) throw inputError("presence", "a tuple has an id", 0);
  const status = child(element, "status");
  const basic = status && childText(status, "basic");
  return {
    id,
    basic: basic === "open" || basic === "closed" ? basic : null,
    contact: childText(element, "contact"),
    notes: texts(element),
  };
}

function texts(element: Element): string[] {
  return children(element, "note").flatMap((note) => note.textContent?.trim() || []);
}

/** One with an extension that must be understood is left out (RFC 3863 4.2.3). */
function isUnderstood(element: Element): boolean {
  const extensions = [...element.querySelectorAll("*")].filter(({ namespaceURI }) => namespaceURI !== element.namespaceURI);
  return extensions.every((extension) => extension.getAttributeNS(element.namespaceURI, "mustUnderstand") !== "true");
}

/** The presence of somebody who says this. */
export function presenceOf(entity: string, basic: Basic, more: { note?: string | null; activities?: string[] } = {}): Presence {
  const { note = null, activities = [] } = more;
  return { entity, basic, note, activities, tuples: [{ id: "phone", basic, contact: null, notes: [] }] };
}

/** Writes a document, for `publish` or `IncomingSubscription.notify`. Activities that are no names of elements are left out. */
export function writePresence({ entity, tuples, note, activities }: Presence): string {
  const written = tuples.map(({ id, basic, contact, notes }) => {
    const status = `<status>${basic ? `<basic>${basic}</basic>` : ""}</status>`;
    const where = contact === null ? "" : `<contact>${escapeXml(contact)}</contact>`;
    return `<tuple id="${escapeXml(id)}">${status}${where}${notes.map(writeNote).join("")}</tuple>`;
  });
  const done = activities.filter((activity) => /^[A-Za-z][\w-]*$/.test(activity)).map((activity) => `<rpid:${activity}/>`);
  const person =
    done.length === 0 ? "" : `<dm:person id="person"><rpid:activities>${done.join("")}</rpid:activities></dm:person>`;
  const spaces = [
    'xmlns="urn:ietf:params:xml:ns:pidf"',
    'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"',
    'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"',
  ].join(" ");
  const root = `<presence ${spaces} entity="${escapeXml(entity)}">`;
  return `<?xml version="1.0"?>\n${root}${written.join("")}${note === null ? "" : writeNote(note)}${person}</presence>\n`;
}

function writeNote(note: string): string {
  return `<note>${escapeXml(note)}</note>`;
}
