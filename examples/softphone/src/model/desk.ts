import { type Address, type Call, type CallOptions, type End, OffhookError, type TransferRequest, type UserAgent } from "offhook";
import { Announcer, CallRecorder, Lines } from "offhook/lines";
import { QualityMonitor } from "offhook/quality";
import { type Contact, contactsOf, findContact } from "./contacts.js";
import { addPast, type History, historyOf } from "./history.js";
import { notifyOf } from "./notify.js";
import { settings } from "./settings.js";
import { Store } from "./store.js";
import { callEnd, nameOf, problem } from "./words.js";

/** A transfer with a word before it. */
export interface Consultation {
  /** Who is to be transferred. */
  from: Call;
  /** To whom: as typed, and their call once they have answered. */
  target: string;
  to: Call | null;
  decide: (yes: boolean) => void;
}

/** A recording that can be saved. */
export interface Tape {
  name: string;
  url: string;
  duration: number;
  extension: string;
}

export interface DeskState {
  /** A call that is not on its way yet, e.g. because the browser asks for the microphone. */
  placing: { target: string; controller: AbortController } | null;
  /** The last call that ended, until it is put away or another takes its place. */
  over: { call: Call; end: End } | null;
  /** What could not be done, in words. */
  error: string | null;
  /** What was done, in words. */
  done: string | null;
  consultation: Consultation | null;
  /** Somebody wants to connect us with somebody else. */
  request: TransferRequest | null;
  /** What is recorded. */
  recorder: CallRecorder | null;
  tapes: Tape[];
}

const EMPTY: DeskState = {
  placing: null,
  over: null,
  error: null,
  done: null,
  consultation: null,
  request: null,
  recorder: null,
  tapes: [],
};

/** Whether our camera is seen in a call. */
export function sendsVideo(call: Call): boolean {
  return call.localStream?.getVideoTracks().some(({ readyState }) => readyState === "live") ?? false;
}

/** One account's telephone, without a picture: what a person can do, and what came of it. */
export class Desk {
  readonly agent: UserAgent;
  readonly lines: Lines;
  readonly state = new Store<DeskState>(EMPTY);
  readonly contacts: Store<Contact[]>;
  readonly history: Store<History>;
  /** Every call since signing in, the newest last. */
  readonly calls: Call[] = [];
  readonly #monitors = new WeakMap<Call, QualityMonitor>();
  readonly #announcer: Announcer;
  readonly #stops: (() => void)[];

  constructor(agent: UserAgent) {
    this.agent = agent;
    this.contacts = contactsOf(agent.aor);
    this.history = historyOf(agent.aor);
    const { microphone, speaker, callWaiting } = settings.value;
    this.lines = new Lines(agent, { callWaiting, ...(microphone ? { audio: { deviceId: microphone } } : {}) });
    if (speaker) void this.lines.useSpeaker(speaker).catch(() => undefined);
    this.#announcer = new Announcer(this.lines, { allow: ({ uri }) => this.#mayKnow(uri) && (settings.value.pickup ? "pickup" : true) });
    this.#stops = [
      agent.on("call", ({ call }) => this.#meet(call)),
      agent.onTransferRequest((request) => this.#onRequest(request)),
      this.lines.on("incoming", ({ call }) => this.#onIncoming(call)),
      this.lines.on("ended", ({ call, end, at }) => this.#onEnded(call, end, at)),
      settings.subscribe(() => this.#announce()),
    ];
    for (const call of agent.calls) this.#meet(call);
    for (const call of agent.restored) void this.#try("Could not go on with the call", () => call.pickUp(this.#audio()));
    this.#announce();
  }

  /** Ends what it began; the agent is somebody else's. */
  close(): void {
    for (const stop of this.#stops) stop();
    void this.#announcer.close();
    void this.lines.close();
  }

  /** How good a call is. */
  monitor(call: Call): QualityMonitor | null {
    return this.#monitors.get(call) ?? null;
  }

  /** Whom to show for a call: a contact by its name. */
  nameOf(call: Call): string {
    const { shown, anonymous } = call.identity;
    return anonymous ? "Unknown" : this.nameAt(shown);
  }

  /** Whom to show for an address. */
  nameAt(address: Address): string {
    const { aor } = this.agent;
    return findContact(this.contacts.value, address.uri, aor)?.name ?? nameOf(address, aor);
  }

  async dial(target: string, options: CallOptions = {}): Promise<void> {
    if (this.state.value.placing) return;
    const controller = new AbortController();
    this.state.update({ placing: { target, controller }, over: null });
    await this.#try(`Could not call ${target}`, () => this.lines.call(target, { ...options, signal: controller.signal }));
    this.state.update({ placing: null });
  }

  answer(call: Call): Promise<void> {
    this.state.update({ over: null });
    return this.#try("Could not answer", async () => {
      try {
        await this.lines.answer(call);
      } catch (thrown) {
        if (call.state !== "ended") throw thrown; // Its end says why.
      }
    });
  }

  reject(call: Call): Promise<void> {
    return this.#try("Could not decline", () => call.reject());
  }

  hangup(call: Call | null = null): Promise<void> {
    if (!call) this.state.value.placing?.controller.abort();
    return this.#try("Could not hang up", async () => (call ? call.hangup() : this.lines.hangup()));
  }

  toggleHold(): Promise<void> {
    return this.lines.current?.onHold.local
      ? this.#try("Could not resume the call", () => this.lines.resume())
      : this.#try("Could not hold the call", () => this.lines.hold());
  }

  toggleMute(): void {
    if (this.lines.muted) this.lines.unmute();
    else this.lines.mute();
  }

  /** Sends the camera, or no more. */
  toggleVideo(call: Call): Promise<void> {
    return sendsVideo(call)
      ? this.#try("Could not turn the camera off", () => call.removeVideo())
      : this.#try("Could not turn the camera on", () => call.addVideo());
  }

  /** Shares the screen, or no more. */
  toggleScreen(call: Call): Promise<void> {
    return call.localScreen
      ? this.#try("Could not end the sharing", () => call.stopScreen())
      : this.#try("Could not share the screen", () => call.shareScreen());
  }

  sendKey(key: string): Promise<void> {
    return this.#try(`Could not send ${key}`, async () => this.lines.current?.sendDtmf(key));
  }

  swap(call: Call): Promise<void> {
    return this.#try("Could not switch", () => this.lines.swap(call));
  }

  merge(): Promise<void> {
    return this.#try("Could not merge the calls", () => this.lines.merge());
  }

  split(keep: Call): Promise<void> {
    return this.#try("Could not split the conference", () => this.lines.split(keep));
  }

  /** Hands a call over without a word. */
  transfer(call: Call, target: string): Promise<void> {
    const who = this.nameOf(call);
    return this.#try(`Could not transfer ${who}`, async () => {
      await this.lines.transfer(call, target);
      this.state.update({ done: `${who} was transferred to ${target}.` });
    });
  }

  /** Brings the other sides of two calls together. */
  connect(call: Call, other: Call): Promise<void> {
    const [who, whom] = [this.nameOf(call), this.nameOf(other)];
    return this.#try(`Could not connect ${who} with ${whom}`, async () => {
      await this.lines.transferTo(call, other);
      this.state.update({ done: `${who} and ${whom} are connected.` });
    });
  }

  /** Calls somebody to ask whether they take a call, and hands it over when the person says so. */
  async consult(call: Call, target: string): Promise<void> {
    const who = this.nameOf(call);
    const consultation = { from: call, target, to: null, decide: () => void this.hangup() };
    this.state.update({ consultation });
    await this.#try(`Could not transfer ${who}`, async () => {
      await this.lines.transferAttended(call, target, {
        confirm: (to) => new Promise((decide) => this.state.update({ consultation: { from: call, target, to, decide } })),
      });
      this.state.update({ done: `${who} was transferred to ${target}.` });
    });
    this.state.update({ consultation: null });
  }

  /** Follows or refuses what somebody else wants. */
  async decide(request: TransferRequest, yes: boolean): Promise<void> {
    this.state.update({ request: null });
    if (yes) await this.#try(`Could not call ${this.nameAt(request.target)}`, () => this.lines.follow(request));
    else await this.#try("Could not refuse the transfer", () => request.reject());
  }

  /** Begins or ends to record what is talked. */
  async toggleRecording(): Promise<void> {
    const { recorder } = this.state.value;
    if (recorder) return void recorder.stop().catch(() => undefined);
    const what = this.lines.conference ?? this.lines.current;
    const current = this.lines.current;
    if (!what || !current) return;
    const name = this.lines.conference ? "Conference" : this.nameOf(current);
    await this.#try("Could not record", async () => {
      const made = new CallRecorder(what);
      await made.start();
      this.state.update({ recorder: made });
      void made.done.then(({ mixed, duration, mimeType }) => {
        const extension = /mp4/.test(mimeType) ? "m4a" : "webm";
        const tape = mixed && { name, url: URL.createObjectURL(mixed), duration, extension };
        this.state.update({ recorder: null, tapes: tape ? [...this.state.value.tapes, tape] : this.state.value.tapes });
      });
    });
  }

  useMicrophone(id: string): Promise<void> {
    settings.update({ microphone: id });
    return this.#try("Could not use that microphone", () => this.lines.useMicrophone(id === "" ? true : id));
  }

  useSpeaker(id: string): Promise<void> {
    settings.update({ speaker: id });
    return this.#try("Could not use that speaker", () => this.lines.useSpeaker(id));
  }

  /** Puts away what is over, and what was told. */
  dismiss(): void {
    this.state.update({ over: null, error: null, done: null });
  }

  removeTape(tape: Tape): void {
    URL.revokeObjectURL(tape.url);
    this.state.update({ tapes: this.state.value.tapes.filter((other) => other !== tape) });
  }

  #audio(): { audio?: { deviceId: string } } {
    const { microphone } = settings.value;
    return microphone ? { audio: { deviceId: microphone } } : {};
  }

  #meet(call: Call): void {
    this.calls.push(call);
    this.#monitors.set(call, new QualityMonitor(call));
  }

  #onIncoming(call: Call): void {
    if (settings.value.status === "dnd") return void call.reject(480).catch(() => undefined);
    notifyOf(call, this.nameOf(call));
  }

  #onRequest(request: TransferRequest): void {
    this.state.update({ request });
    const gone = (): void => {
      if (this.state.value.request === request) this.state.update({ request: null });
    };
    request.on("expired", gone);
    void request.call?.ended.then(gone);
  }

  #onEnded(call: Call, end: End, at: number): void {
    const began = call.history[0]?.at ?? at;
    const since = call.history.find(({ state }) => state === "established")?.at;
    const talked = since === undefined ? null : at - since;
    const { current } = this.lines;
    this.state.update({ error: null, ...(current ? {} : { over: { call, end } }) });
    // Another phone of ours has it (RFC 3326).
    const elsewhere = end.cause?.cause === 200;
    const missed = call.direction === "incoming" && talked === null && end.by !== "local" && !elsewhere;
    void this.monitor(call)?.summary.then(({ incoming }) =>
      addPast(this.history, {
        id: `${call.callId} ${began}`,
        name: this.nameOf(call),
        uri: call.identity.shown.uri,
        direction: call.direction,
        at: began,
        talked,
        end: callEnd(call, end),
        missed,
        mos: incoming.mos?.mean ?? null,
      }),
    );
  }

  #mayKnow(uri: string): boolean {
    const { presence } = settings.value;
    if (presence !== "contacts") return presence === "everybody";
    return findContact(this.contacts.value, uri, this.agent.aor) !== undefined;
  }

  #announce(): void {
    const { status } = settings.value;
    this.#announcer.set({ away: status !== "available", note: status === "dnd" ? "Do not disturb" : null });
  }

  /** Every failure ends in words; what the person took back is none. */
  async #try(what: string, wish: () => Promise<unknown>): Promise<void> {
    this.state.update({ error: null, done: null });
    try {
      await wish();
    } catch (thrown) {
      if (!(thrown instanceof OffhookError && thrown.kind === "cancelled")) this.state.update({ error: problem(what, thrown) });
    }
  }
}
