/**
 * `<sip-ladder>`: the SIP messages of a call as a ladder. Feed it the `trace` events of a user agent:
 *
 * ```ts
 * defineSipLadder();
 * const ladder = document.querySelector("sip-ladder") as SipLadder;
 * ua.on("trace", (message) => ladder.add(message));
 * ```
 *
 * @module
 */

import { type LadderMessage, traceAsPcap, traceAsText } from "./trace-export.js";

export { type LadderMessage, traceAsPcap, traceAsText } from "./trace-export.js";

/** The element `<sip-ladder>`. */
export interface SipLadder extends HTMLElement {
  /** Only messages with this Call-ID are shown; all if null. The attribute `call-id` says the same. */
  callId: string | null;
  /** What is shown. */
  readonly messages: readonly LadderMessage[];
  /** Appends a message. */
  add(message: LadderMessage): void;
  /** What is shown, as text. */
  toText(): string;
  /** What is shown, as a capture for Wireshark. */
  toPcap(): Uint8Array<ArrayBuffer>;
  /** Has the browser save what is shown as a file. */
  save(as: "text" | "pcap"): void;
  /** Forgets every message. */
  clear(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "sip-ladder": SipLadder;
  }
}

/** More messages than this are not kept; the oldest go first. */
const MAX_MESSAGES = 500;

/** Makes `<sip-ladder>` known to the page. Nothing happens on import, nor if it is known already. */
export function defineSipLadder(): void {
  if (!customElements.get("sip-ladder")) customElements.define("sip-ladder", createElementClass());
}

interface Summary {
  /** What stands on the arrow. */
  label: string;
  kind: "request" | "provisional" | "success" | "failure";
  callId: string;
}

function summarize(text: string): Summary {
  const [start = ""] = text.split(/\r?\n/, 1);
  const header = (pattern: string): string =>
    new RegExp(`^(?:${pattern})[ \\t]*:[ \\t]*(.*?)[ \\t\\r]*$`, "im").exec(text)?.[1] ?? "";
  const callId = header("call-id|i");
  const method = header("cseq").replace(/^\d+\s*/, "");
  const body = /\r?\n\r?\n\s*v=0/.test(text) ? " + SDP" : "";
  const response = /^SIP\/2\.0 (\d)(\d\d) ?(.*)$/.exec(start);
  if (!response) return { label: (start.split(" ", 1)[0] ?? "") + body, kind: "request", callId };
  const [, first = "", rest = "", reason = ""] = response;
  const kind = first === "1" ? "provisional" : first === "2" ? "success" : "failure";
  return { label: `${first}${rest} ${reason}${method ? ` (${method})` : ""}${body}`, kind, callId };
}

/** Where the two lifelines stand. */
const LEFT = "6%";
const RIGHT = "94%";

/** The class is made late: there is no `HTMLElement` on a server. */
function createElementClass(): new () => SipLadder {
  return class extends HTMLElement implements SipLadder {
    static observedAttributes = ["call-id"];

    readonly #list: HTMLOListElement;
    readonly #empty: HTMLElement;
    readonly #remote: HTMLElement;
    readonly #tools: HTMLElement | null;
    #messages: (LadderMessage & Summary)[] = [];
    #start = 0;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const style = new CSSStyleSheet();
      style.replaceSync(STYLE);
      root.adoptedStyleSheets = [style];
      root.innerHTML = TEMPLATE;
      const [list, empty, remote] = [
        root.querySelector("ol"),
        root.querySelector<HTMLElement>(".empty"),
        root.querySelector<HTMLElement>(".remote"),
      ];
      if (!list || !empty || !remote) throw new Error("the template is incomplete");
      this.#list = list;
      this.#empty = empty;
      this.#remote = remote;
      for (const button of root.querySelectorAll<HTMLButtonElement>(".save")) {
        button.addEventListener("click", () => this.save(button.value as "text" | "pcap"));
      }
      root.querySelector("ol")?.addEventListener("keydown", (event) => walk(root, event));
      this.#tools = root.querySelector<HTMLElement>(".tools");
    }

    get callId(): string | null {
      return this.getAttribute("call-id");
    }

    set callId(callId: string | null) {
      if (callId === null) this.removeAttribute("call-id");
      else this.setAttribute("call-id", callId);
    }

    attributeChangedCallback(_name: string, before: string | null, now: string | null): void {
      if (before === now) return;
      this.#reset();
      for (const message of this.#messages) this.#show(message);
    }

    add(message: LadderMessage): void {
      const whole = { ...message, ...summarize(message.text) };
      this.#messages.push(whole);
      if (this.#messages.length > MAX_MESSAGES) this.#messages.shift();
      this.#show(whole);
    }

    get messages(): readonly LadderMessage[] {
      const { callId } = this;
      const shown = callId === null ? this.#messages : this.#messages.filter((message) => message.callId === callId);
      return shown.map(({ direction, transport, remote, text, at }) => ({ direction, transport, remote, text, at }));
    }

    toText(): string {
      return traceAsText(this.messages);
    }

    toPcap(): Uint8Array<ArrayBuffer> {
      return traceAsPcap(this.messages);
    }

    save(as: "text" | "pcap"): void {
      const [content, type, name] =
        as === "pcap"
          ? ([this.toPcap(), "application/vnd.tcpdump.pcap", "sip.pcap"] as const)
          : ([this.toText(), "text/plain", "sip.txt"] as const);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([content], { type }));
      link.download = name;
      link.click();
      // The download has its own hold on it by then.
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    clear(): void {
      this.#messages = [];
      this.#reset();
    }

    #reset(): void {
      this.#list.replaceChildren();
      this.#empty.hidden = false;
      if (this.#tools) this.#tools.hidden = true;
    }

    #show(message: LadderMessage & Summary): void {
      if (this.callId !== null && this.callId !== message.callId) return;
      if (this.#list.childElementCount === 0) this.#start = message.at;
      if (this.#list.childElementCount >= MAX_MESSAGES) this.#list.firstElementChild?.remove();
      this.#empty.hidden = true;
      if (this.#tools) this.#tools.hidden = false;
      this.#remote.textContent = `${message.remote} (${message.transport})`;
      this.#list.append(row(message, message.at - this.#start));
    }
  };
}

/** The arrow keys, Home and End go from message to message. */
function walk(root: ShadowRoot, event: KeyboardEvent): void {
  const rows = [...root.querySelectorAll<HTMLButtonElement>("li > button")];
  const at = rows.findIndex((row) => row === root.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  const row = at < 0 || to === undefined ? undefined : rows[to];
  if (!row) return;
  event.preventDefault();
  row.focus();
}

function row(message: LadderMessage & Summary, elapsed: number): HTMLLIElement {
  const seconds = `${(elapsed / 1000).toFixed(3)} s`;
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = message.kind;
  button.setAttribute("aria-expanded", "false");
  // In words, for those who do not see the arrow.
  const said = document.createElement("span");
  said.className = "said";
  said.textContent = `${message.direction === "out" ? "Sent" : "Received"} ${message.label}, after ${seconds}`;
  const time = document.createElement("time");
  time.dateTime = new Date(message.at).toISOString();
  time.textContent = seconds;
  time.ariaHidden = "true";
  button.append(said, time, arrow(message));
  const text = document.createElement("pre");
  text.textContent = message.text.trimEnd();
  text.tabIndex = 0;
  text.hidden = true;
  button.addEventListener("click", () => {
    text.hidden = !text.hidden;
    button.setAttribute("aria-expanded", String(!text.hidden));
  });
  item.append(button, text);
  return item;
}

function arrow({ direction, label }: LadderMessage & Summary): SVGSVGElement {
  const [from, to] = direction === "out" ? [LEFT, RIGHT] : [RIGHT, LEFT];
  const y = "26";
  const tip = direction === "out" ? "M-8,-4 L0,0 L-8,4 Z" : "M8,-4 L0,0 L8,4 Z";
  const head = element("svg", { x: to, y, overflow: "visible" }, element("path", { d: tip, class: "head" }));
  const text = element("text", { x: "50%", y: "19", "text-anchor": "middle" });
  text.textContent = label;
  return element(
    "svg",
    { width: "100%", height: "34", "aria-hidden": "true" },
    element("line", { x1: LEFT, x2: LEFT, y1: "0", y2: "100%", class: "life" }),
    element("line", { x1: RIGHT, x2: RIGHT, y1: "0", y2: "100%", class: "life" }),
    element("line", { x1: from, x2: to, y1: y, y2: y, class: "arrow" }),
    head,
    text,
  );
}

function element<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string>,
  ...children: Element[]
): SVGElementTagNameMap[K] {
  const created = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

/** Not in a `<style>`: a page's content security policy may not allow that. */
const STYLE = `
  :host { display: block; font: 13px/1.4 ui-sans-serif, system-ui, sans-serif;
    --request: light-dark(#0b5cad, #7cb8ff); --success: light-dark(#1a7036, #6fdc8c);
    --provisional: light-dark(#5c6670, #a9b4bf); --failure: light-dark(#b3261e, #ff9d94); }
  .ends { display: flex; justify-content: space-between; margin-inline-start: 5.5em; font-weight: 600; }
  ol { list-style: none; margin: 0; padding: 0; }
  li > button { all: unset; display: flex; align-items: stretch; width: 100%; cursor: pointer; border-radius: 4px; }
  li > button:hover, button[aria-expanded="true"] { background: color-mix(in srgb, currentColor 8%, transparent); }
  button:focus-visible, pre:focus-visible { outline: 2px solid var(--request); outline-offset: -2px; }
  .tools { display: flex; justify-content: flex-end; gap: 6px; margin-block-end: 6px; }
  .save { font: inherit; padding: 2px 8px; border: 1px solid color-mix(in srgb, currentColor 35%, transparent);
    border-radius: 4px; background: none; color: inherit; cursor: pointer; }
  .save:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
  @media print { .tools { display: none; } }
  time { flex: none; width: 5.5em; align-self: end; padding-block-end: 2px; font-variant-numeric: tabular-nums;
    opacity: .75; font-size: .92em; }
  svg { flex: 1; min-width: 0; display: block; }
  .life { stroke: currentColor; stroke-opacity: .3; stroke-width: 1.5; }
  .arrow { stroke-width: 1.5; }
  text { font-size: 12.5px; }
  .request { --kind: var(--request); } .success { --kind: var(--success); }
  .provisional { --kind: var(--provisional); } .failure { --kind: var(--failure); }
  button .arrow { stroke: var(--kind); } button .head, button text { fill: var(--kind); }
  pre { margin: 2px 0 8px 5.5em; padding: 8px 10px; overflow: auto; border-radius: 6px; font: 12px/1.45 ui-monospace, monospace;
    background: color-mix(in srgb, currentColor 7%, transparent); }
  .empty { margin: 0; opacity: .75; }
  [hidden] { display: none; }
  .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;

const TEMPLATE = `
<div class="tools" role="group" aria-label="Save the messages" hidden>
  <button type="button" class="save" value="text">Save as text</button>
  <button type="button" class="save" value="pcap">Save as pcap</button>
</div>
<div class="ends" aria-hidden="true"><span>here</span><span class="remote"></span></div>
<p class="empty">No messages yet.</p>
<ol aria-label="SIP messages" role="list"></ol>`;
