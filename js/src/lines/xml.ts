import { inputError, mediaError } from "../errors.js";

/**
 * Reads a document whose root has that name. The browser has a parser, so the module of the agent need not bring one (the core's
 * `packages` read the same documents natively). A document with a DTD is refused: what it could expand to has no bound.
 */
export function parseXml(body: string, root: string): Element {
  if (typeof DOMParser === "undefined") throw mediaError("unsupported", "there is no DOMParser here");
  if (/<!DOCTYPE/i.test(body)) throw inputError(root, "a document type is not taken", body.search(/<!DOCTYPE/i));
  const { documentElement } = new DOMParser().parseFromString(body, "application/xml");
  const broken = documentElement.localName === "parsererror" ? documentElement : documentElement.querySelector("parsererror");
  if (broken) throw inputError(root, "this is no XML", 0);
  if (documentElement.localName !== root)
    throw inputError(root, `the root is <${documentElement.localName}>, not <${root}>`, 0);
  return documentElement;
}

/** The children with that name, whatever their prefix. */
export function children(element: Element, name: string): Element[] {
  return [...element.children].filter(({ localName }) => localName === name);
}

export function child(element: Element, name: string): Element | null {
  return children(element, name)[0] ?? null;
}

/** The text of the child with that name; null if there is none, or it is empty. */
export function childText(element: Element, name: string): string | null {
  return child(element, name)?.textContent?.trim() || null;
}

/** As text or attribute value. What XML 1.0 cannot hold is left out. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "")
    .replace(/[&<>"]/g, (found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[found] ?? "");
}
