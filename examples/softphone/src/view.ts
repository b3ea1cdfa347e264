import type { Call } from "offhook";
import { button, byId, input, setFace, setText } from "./dom.js";
import type { Phone } from "./phone.js";
import { Tones } from "./tones.js";
import { callEnd, callState, clock, name } from "./words.js";

const KEYS: readonly (readonly [key: string, letters: string, testId: string])[] = [
  ["1", "", "key-1"],
  ["2", "ABC", "key-2"],
  ["3", "DEF", "key-3"],
  ["4", "GHI", "key-4"],
  ["5", "JKL", "key-5"],
  ["6", "MNO", "key-6"],
  ["7", "PQRS", "key-7"],
  ["8", "TUV", "key-8"],
  ["9", "WXYZ", "key-9"],
  ["*", "", "key-star"],
  ["0", "+", "key-0"],
  ["#", "", "key-hash"],
];

/** Draws a phone and passes on what the person does. */
export class PhoneView {
  #phone: Phone | null = null;
  #shownRinging: Call | null = null;
  #focusBefore: Element | null = null;
  #wasLive = false;
  readonly #tones = new Tones();
  readonly #incoming = byId("incoming", HTMLElement);
  readonly #call = byId("call", HTMLElement);
  readonly #dial = input("dial-input");

  constructor() {
    byId("dial-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#dialInput();
    });
    button("echo-button").addEventListener("click", () => void this.#phone?.dial("echo"));
    button("answer").addEventListener("click", () => this.#answer());
    button("reject").addEventListener("click", () => this.#reject());
    button("hangup").addEventListener("click", () => void this.#phone?.hangup());
    button("hold").addEventListener("click", () => void this.#phone?.toggleHold());
    button("mute").addEventListener("click", () => this.#phone?.toggleMute());
    byId("keypad", HTMLElement).append(...KEYS.map((key) => this.#key(...key)));
    document.addEventListener("keydown", (event) => this.#onKey(event));
    setInterval(() => this.#drawTimer(), 250);
  }

  /** The phone to draw; null: nobody is signed in. */
  show(phone: Phone | null): void {
    this.#phone = phone;
    this.draw();
  }

  /** Brings everything up to date. */
  draw(): void {
    const phone = this.#phone;
    const inCall = this.#call.contains(document.activeElement);
    this.#drawCall(phone);
    this.#drawIncoming(phone?.ringing ?? []);
    this.#followCall(inCall);
    this.#drawOthers(phone?.others ?? []);
    this.#drawTimer();
    byId("keypad-note", HTMLElement).hidden = !phone?.talking;
    button("call-button").disabled = phone?.placing != null;
    button("echo-button").disabled = phone?.placing != null;
    this.#tones.play(phone ? tone(phone) : null);
    document.title = phone?.ringing[0] ? `☎ ${name(phone.ringing[0].remote)} is calling` : "Softphone";
  }

  #drawIncoming(ringing: Call[]): void {
    const [call = null, ...more] = ringing;
    if (call) {
      setText(byId("incoming-party", HTMLElement), name(call.remote));
      const note = byId("incoming-note", HTMLElement);
      note.hidden = more.length === 0;
      setText(
        note,
        more.length === 0 ? "" : `And ${more.length} more: ${more.map(({ remote }) => name(remote)).join(", ")}`,
      );
    }
    if (call === this.#shownRinging) return;
    const before = this.#shownRinging;
    this.#shownRinging = call;
    const focused = this.#incoming.contains(document.activeElement);
    this.#incoming.hidden = call === null;
    if (call && !before && this.#dial.value === "") {
      // Whoever is typing goes on typing; the live region tells them.
      this.#focusBefore = document.activeElement;
      this.#incoming.focus();
    } else if (!call && focused) {
      const target = this.#focusBefore;
      if (this.#liveCall()) this.#call.focus();
      else if (target instanceof HTMLElement && target !== document.body) target.focus();
      else this.#dial.focus();
    }
  }

  #drawCall(phone: Phone | null): void {
    const call = phone?.current ?? null;
    const placing = phone?.placing ?? null;
    const end = call && phone ? phone.ends.get(call) : undefined;
    this.#call.hidden = !call && !placing;
    this.#call.toggleAttribute("data-over", end !== undefined && !placing);
    const state = byId("call-state", HTMLElement);
    state.dataset["state"] = placing ? "preparing" : (call?.state ?? "");
    byId("controls", HTMLElement).hidden = end !== undefined && !placing;
    const talking = phone?.talking ?? null;
    for (const id of ["mute", "hold"]) button(id).disabled = !talking || placing !== null;
    if (placing) {
      setText(byId("remote-party", HTMLElement), placing.target);
      setText(state, "Preparing the microphone…");
      this.#note("");
      return;
    }
    if (!call) return;
    setText(byId("remote-party", HTMLElement), name(call.remote));
    setText(state, end ? callEnd(call, end) : callState(call));
    this.#note(end ? "" : mediaNote(call));
    this.#toggle("mute", call.muted, call.muted ? "mic-off" : "mic", call.muted ? "Unmute" : "Mute");
    const held = call.onHold.local;
    this.#toggle("hold", held, held ? "resume" : "hold", held ? "Resume" : "Hold");
  }

  /** The keyboard goes with the call: its keys are played to it, and when it is over one can dial again. */
  #followCall(inCall: boolean): void {
    const live = this.#liveCall();
    if (live === this.#wasLive || !this.#phone) return;
    this.#wasLive = live;
    const active = document.activeElement;
    const idle = active === null || active === document.body || (active === this.#dial && this.#dial.value === "");
    const pressed = active === button("call-button") || active === button("echo-button");
    if (live && (idle || pressed)) this.#call.focus();
    else if (!live && (idle || inCall)) this.#dial.focus();
  }

  #liveCall(): boolean {
    const phone = this.#phone;
    return phone !== null && (phone.placing !== null || (phone.current !== null && !phone.ends.has(phone.current)));
  }

  #toggle(id: string, pressed: boolean, icon: string, words: string): void {
    button(id).setAttribute("aria-pressed", String(pressed));
    setFace(button(id), icon, words);
  }

  #note(text: string): void {
    const note = byId("media-note", HTMLElement);
    note.hidden = text === "";
    setText(note, text);
  }

  #drawOthers(others: Call[]): void {
    const list = byId("other-calls", HTMLUListElement);
    list.hidden = others.length === 0;
    list.replaceChildren(
      ...others.map((call) => {
        const item = document.createElement("li");
        const who = document.createElement("span");
        const state = document.createElement("small");
        state.textContent = callState(call);
        who.append(name(call.remote), state);
        const act = (words: string, action: () => void): HTMLButtonElement => {
          const created = document.createElement("button");
          created.type = "button";
          created.textContent = words;
          created.setAttribute("aria-label", `${words}: ${name(call.remote)}`);
          created.addEventListener("click", action);
          return created;
        };
        if (call.state === "established")
          item.append(
            who,
            act("Switch", () => void this.#phone?.switchTo(call)),
          );
        else item.append(who);
        item.append(act("Hang up", () => void this.#phone?.hangup(call)));
        return item;
      }),
    );
  }

  #drawTimer(): void {
    const call = this.#phone?.placing ? null : (this.#phone?.current ?? null);
    const from = call?.history.find(({ state }) => state === "established")?.at;
    const to = call?.history.find(({ state }) => state === "ended")?.at ?? Date.now();
    setText(byId("call-timer", HTMLElement), from === undefined ? "" : clock(to - from));
  }

  #key(key: string, letters: string, testId: string): HTMLButtonElement {
    const created = document.createElement("button");
    created.type = "button";
    created.dataset["testid"] = testId;
    created.textContent = key;
    const small = document.createElement("small");
    small.textContent = letters;
    small.ariaHidden = "true";
    created.append(small);
    created.addEventListener("click", () => {
      if (this.#phone?.talking) void this.#phone.sendKey(key);
      else this.#dial.value += key;
    });
    return created;
  }

  #onKey(event: KeyboardEvent): void {
    const phone = this.#phone;
    if (!phone || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.target instanceof Element ? event.target : null;
    const typing = target?.closest("input") != null;
    if (event.key === "Escape") {
      if (this.#shownRinging) this.#reject();
      else if (phone.placing || phone.current?.state !== "ended") void phone.hangup();
    } else if (event.key === "Enter" && this.#shownRinging) {
      if (target?.closest("button, summary, a") || (typing && this.#dial.value !== "")) return;
      event.preventDefault();
      this.#answer();
    } else if (!typing && phone.talking && /^[0-9*#]$/.test(event.key)) {
      void phone.sendKey(event.key);
    }
  }

  #dialInput(): void {
    const target = this.#dial.value.trim();
    if (target === "") return this.#dial.focus();
    this.#dial.value = "";
    void this.#phone?.dial(target);
  }

  #answer(): void {
    if (this.#shownRinging) void this.#phone?.answer(this.#shownRinging);
  }

  #reject(): void {
    if (this.#shownRinging) void this.#phone?.reject(this.#shownRinging);
  }
}

/** What should be heard now. */
function tone(phone: Phone): "ring" | "ringback" | null {
  if (phone.ringing.length > 0) return phone.talking ? null : "ring";
  const call = phone.current;
  // With early media the other side plays its own.
  return call?.direction === "outgoing" && call.state === "ringing" && call.remoteStream === null ? "ringback" : null;
}

/** What there is to say about the sound. */
function mediaNote(call: Call): string {
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
