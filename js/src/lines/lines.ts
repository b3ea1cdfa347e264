import { Serial } from "../async.js";
import type { AnswerOptions, Call } from "../call.js";
import { OffhookError, stateError, toOffhookError } from "../errors.js";
import { TypedEventTarget } from "../events.js";
import type { MediaSource } from "../media/handler.js";
import type { End } from "../protocol.js";
import type { FollowOptions, TransferOptions, TransferOutcome, TransferRequest } from "../transfer.js";
import type { CallOptions, UserAgent } from "../user-agent.js";
import { Conference } from "./conference.js";

/** What the lines tell, by event name. Each event carries its name as `type`. */
export interface LinesEvents {
  /** Something about the calls is another: draw them anew. It follows each of the events below, and those of the calls. */
  change: { type: "change" };
  /** Somebody calls. `waiting`: while there is another call. */
  incoming: { type: "incoming"; call: Call; waiting: boolean };
  /** Another call is in front, or none. */
  current: { type: "current"; call: Call | null; previous: Call | null };
  /** Calls were merged, or their conference is over (null). */
  conference: { type: "conference"; conference: Conference | null };
  /** A call is over. */
  ended: { type: "ended"; call: Call; end: End; at: number };
}

/** How the lines behave. */
export interface LinesOptions {
  /** Where our sound comes from in calls that do not say; the microphone if absent. See `useMicrophone`. */
  audio?: MediaSource;
  /** Whether a second call may come while there is one (default true); else it is refused as busy (486). */
  callWaiting?: boolean;
  /** Tell callers that it rings (180), as soon as their call is here (default true). */
  ring?: boolean;
  /**
   * Answer by itself what takes the place of an established call (RFC 3891 3), so that who talks to us and is transferred goes
   * on talking, or of one of ours that nobody has answered: somebody picks it up (default true). What does so knows the
   * identifiers of that call; who may is `replacing` of the user agent.
   */
  answerReplacing?: boolean;
}

/** How to transfer with a word before it. */
export interface AttendedOptions extends TransferOptions {
  /** How to call the target. */
  call?: CallOptions;
  /**
   * Asked when the target has answered, e.g. resolved when the person has announced the call and pressed a button. False
   * takes the transfer back. Without it, it goes on at once.
   */
  confirm?: (consultation: Call) => Promise<boolean> | boolean;
}

/** The calls that are changed of themselves, and what about them is worth a new picture. */
const NEWS = ["state", "progress", "hold", "muted", "media", "identity", "recovered", "device"] as const;

/**
 * The calls of a user agent as the lines of one telephone: one is talked on at a time, the others are held. Every promise means
 * done: who was talked to is on hold before anybody else is called or answered, and if that is refused nobody is.
 */
export class Lines extends TypedEventTarget<LinesEvents> {
  readonly agent: UserAgent;
  readonly #options: Required<Omit<LinesOptions, "audio">>;
  readonly #serial = new Serial();
  readonly #calls: Call[] = [];
  readonly #forget = new Map<Call, () => void>();
  readonly #answering = new Set<Call>();
  readonly #unlisten: () => void;
  #audio: MediaSource | undefined;
  #speaker: string | null = null;
  #current: Call | null = null;
  #conference: Conference | null = null;

  /** Takes care of the calls that come from now on, and of those there are. */
  constructor(agent: UserAgent, { audio, callWaiting = true, ring = true, answerReplacing = true }: LinesOptions = {}) {
    super();
    this.agent = agent;
    this.#audio = audio;
    this.#options = { callWaiting, ring, answerReplacing };
    this.#unlisten = agent.on("incoming", ({ call }) => this.#onIncoming(call));
    for (const call of agent.calls) this.adopt(call);
  }

  /** The calls that have not ended, in the order in which they began. */
  get calls(): readonly Call[] {
    return this.#calls;
  }

  /** The call in front: the one that is talked on, unless it is on hold. When it ends, the one before it takes its place. */
  get current(): Call | null {
    return this.#current;
  }

  /** Incoming calls that wait for an answer. */
  get ringing(): readonly Call[] {
    return this.#calls.filter(
      (call) => call.direction === "incoming" && call.state === "ringing" && !this.#answering.has(call),
    );
  }

  /** The calls behind the one in front, without those that ring and without its partners in a conference. */
  get others(): readonly Call[] {
    const { ringing } = this;
    const inFront = this.#group(this.#current);
    return this.#calls.filter((call) => !inFront.includes(call) && !ringing.includes(call));
  }

  /** The calls that are mixed with each other. */
  get conference(): Conference | null {
    return this.#conference;
  }

  /** Where our sound comes from. */
  get microphone(): MediaSource {
    return this.#audio ?? true;
  }

  /** Takes care of a call that was made without the lines, e.g. by the user agent. Those that come in are here anyway. */
  adopt(call: Call): void {
    if (call.state === "ended" || this.#calls.includes(call)) return;
    this.#calls.push(call);
    const changed = (): void => this.#changed();
    const listening = NEWS.map((type) => call.on(type, changed));
    listening.push(call.on("media", () => this.#applySpeaker(call)));
    listening.push(call.on("ended", ({ end, at }) => this.#onEnded(call, end, at)));
    this.#forget.set(call, () => listening.forEach((stop) => stop()));
    if (this.#current === null && !this.ringing.includes(call)) this.#front(call);
    this.#changed();
  }

  /** Puts who is talked to on hold, and calls somebody. Resolves when the INVITE is on its way. */
  async call(target: string, options: CallOptions = {}): Promise<Call> {
    await this.#serial.run(() => this.#makeRoom([]));
    const call = await this.agent.call(target, { ...this.#source(), ...options });
    this.adopt(call);
    if (call.state !== "ended") this.#front(call);
    return call;
  }

  /** Puts who is talked to on hold, and answers. Done when the caller has acknowledged it. */
  async answer(call: Call, options: AnswerOptions = {}): Promise<void> {
    if (this.#answering.has(call)) return;
    const before = this.#current;
    this.#answering.add(call);
    try {
      // What takes the place of another call ends that by itself.
      await this.#serial.run(() => this.#makeRoom(call.replaces ? [call.replaces] : []));
      this.#front(call);
      await call.answer({ ...this.#source(), ...options });
    } catch (thrown) {
      if (this.#current === call) this.#front(before && this.#calls.includes(before) ? before : null);
      throw thrown;
    } finally {
      this.#answering.delete(call);
      this.#changed();
    }
  }

  /** Brings a call to the front, the last of the others if none is given: holds who is talked to, and resumes it. */
  swap(to: Call | undefined = this.others.at(-1)): Promise<void> {
    return this.#serial.run(async () => {
      if (!to || !this.#calls.includes(to)) throw stateError("there is no other call");
      const group = this.#group(to);
      await this.#makeRoom(group);
      this.#front(to);
      for (const call of group) if (call.state === "established") await call.resume();
    });
  }

  /** Holds the call in front; of a conference, all of it. */
  hold(): Promise<void> {
    return this.#serial.run(async () => {
      for (const call of this.#group(this.#expectCurrent())) if (call.state === "established") await call.hold();
    });
  }

  /** Resumes it. */
  resume(): Promise<void> {
    return this.#serial.run(async () => {
      for (const call of this.#group(this.#expectCurrent())) if (call.state === "established") await call.resume();
    });
  }

  /**
   * Lets calls hear each other: those given, or the one in front and the last of the others. With a conference already, they
   * join it. Resolves when nobody is on hold any more; where somebody cannot be resumed all is as it was, and this rejects.
   */
  merge(...calls: Call[]): Promise<Conference> {
    return this.#serial.run(async () => {
      const wanted = calls.length > 0 ? calls : [this.#current, this.others.at(-1)];
      const members = wanted.filter((call): call is Call => call?.state === "established");
      const together = new Set([...(this.#conference?.members ?? []), ...members]);
      if (together.size < 2) throw stateError("a conference takes two established calls");
      const others = this.#calls.filter((call) => !together.has(call));
      for (const call of others) if (talksOn(call)) await call.hold();
      const conference = this.#conference ?? this.#convene();
      const added: Call[] = [];
      const held = members.filter((call) => call.onHold.local);
      try {
        for (const call of members) {
          if (conference.members.includes(call)) continue;
          await conference.add(call);
          added.push(call);
        }
        for (const call of together) await call.resume();
      } catch (thrown) {
        for (const call of added) await conference.remove(call).catch(() => undefined);
        for (const call of held) if (talksOn(call)) await call.hold().catch(() => undefined);
        throw thrown;
      }
      if (!this.#current || !together.has(this.#current)) this.#front(members[0] ?? null);
      this.#changed();
      return conference;
    });
  }

  /** Takes a conference apart: one is talked to, the call in front if none is given, the others are held. */
  split(keep: Call | null = this.#current): Promise<void> {
    return this.#serial.run(async () => {
      const conference = this.#conference;
      if (!conference) throw stateError("there is no conference");
      const members = [...conference.members];
      const kept = keep && members.includes(keep) ? keep : (members[0] ?? null);
      // First on hold, then apart: nobody hears what is not for them.
      for (const call of members) if (call !== kept && talksOn(call)) await call.hold();
      await conference.close();
      this.#front(kept);
    });
  }

  /** Stops sending our voice to the call in front; in a conference the others hear each other still. */
  mute(): void {
    this.#setMuted(true);
  }

  /** Sends it again. */
  unmute(): void {
    this.#setMuted(false);
  }

  /** Whether our voice is muted in the call in front. */
  get muted(): boolean {
    return this.#conferenceInFront?.muted ?? this.#current?.muted ?? false;
  }

  /** Ends the call in front; of a conference, all of it. */
  async hangup(): Promise<void> {
    await Promise.all(this.#group(this.#current).map((call) => call.hangup()));
  }

  /** Takes our sound from there in all calls, and in those to come. */
  async useMicrophone(source: MediaSource): Promise<void> {
    this.#audio = source;
    await this.#conference?.useMicrophone(source);
    const alone = this.#calls.filter((call) => call.localStream && !this.#conference?.members.includes(call));
    await Promise.all(alone.map((call) => call.replaceAudio(source)));
  }

  /** Plays all calls, and those to come, on that speaker; the usual one for an empty id. */
  async useSpeaker(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    await Promise.all(this.#calls.filter((call) => call.remoteStream).map((call) => call.setSpeaker(deviceId)));
  }

  /**
   * Has the other side of a call talk to somebody else, without a word before it. Done when the new call is answered; if
   * it comes to nothing this rejects, and the call goes on as it was.
   */
  async transfer(call: Call, target: string, options: TransferOptions = {}): Promise<TransferOutcome> {
    return this.#handing(call, async () => (await call.transfer(target, options)).done);
  }

  /** Brings the other sides of two calls together. Done when they talk; if it comes to nothing both calls go on, held. */
  async transferTo(call: Call, other: Call, options: TransferOptions = {}): Promise<TransferOutcome> {
    return this.#handing(call, async () => (await call.transferTo(other, options)).done);
  }

  /**
   * The whole of an attended transfer: holds the call, calls the target, has `confirm` say when, and brings the two together.
   * Done when they talk. If it comes to nothing, whatever it is, the target is hung up, the call is resumed, and this rejects.
   */
  async transferAttended(call: Call, target: string, options: AttendedOptions = {}): Promise<TransferOutcome> {
    const { call: how, confirm, ...transfer } = options;
    if (!talksOn(call) && call.state !== "established") throw stateError("only an established call can be transferred");
    let consultation: Call | null = null;
    try {
      consultation = await this.call(target, how);
      await consultation.established;
      if (confirm && !(await confirm(consultation)))
        throw new OffhookError({ kind: "cancelled" }, { message: "the transfer was taken back" });
      return await (await call.transferTo(consultation, transfer)).done;
    } catch (thrown) {
      await consultation?.hangup().catch(() => undefined);
      if (call.state === "established") await this.swap(call).catch(() => undefined);
      throw toOffhookError(thrown);
    }
  }

  /** Follows what the other side of a call asks for (see `onTransferRequest`): the new call takes the place of the old one. */
  async follow(request: TransferRequest, options: FollowOptions = {}): Promise<Call> {
    await this.#serial.run(() => this.#makeRoom(request.call ? [request.call] : []));
    const call = await request.accept({ ...this.#source(), ...options });
    this.adopt(call);
    if (call.state !== "ended") this.#front(call);
    return call;
  }

  /** Leaves the calls alone from now on. They are not ended. */
  async close(): Promise<void> {
    this.#unlisten();
    for (const forget of this.#forget.values()) forget();
    this.#forget.clear();
    await this.#conference?.close();
    this.#calls.length = 0;
    this.#current = null;
  }

  #onIncoming(call: Call): void {
    const waiting = this.#calls.length > 0;
    const replaced = call.replaces;
    if (waiting && !replaced && !this.#options.callWaiting) {
      call.reject(486).catch(() => undefined);
      return;
    }
    this.adopt(call);
    // Who talks in it, or waits for it to be answered, is there already.
    const expected = replaced?.state === "established" || replaced?.direction === "outgoing";
    if (expected && this.#options.answerReplacing) {
      // If it cannot be, it rings as any other.
      this.answer(call).catch(() => this.emit("incoming", { type: "incoming", call, waiting }));
      return;
    }
    if (this.#options.ring) call.ring().catch(() => undefined); // The caller was faster.
    this.emit("incoming", { type: "incoming", call, waiting });
    this.#changed();
  }

  #onEnded(call: Call, end: End, at: number): void {
    this.#forget.get(call)?.();
    this.#forget.delete(call);
    this.#calls.splice(this.#calls.indexOf(call), 1);
    if (this.#current === call) {
      const partner = this.#conference?.members.find((member) => member !== call && member.state !== "ended");
      const ringing = this.ringing;
      this.#front(partner ?? this.#calls.filter((other) => !ringing.includes(other)).at(-1) ?? null);
    }
    this.emit("ended", { type: "ended", call, end, at });
    this.#changed();
  }

  /** One talks to one at a time, or to one conference. */
  async #makeRoom(except: readonly Call[]): Promise<void> {
    for (const call of [...this.#calls]) if (talksOn(call) && !except.includes(call)) await call.hold();
  }

  /** A call with those it is mixed with. */
  #group(call: Call | null): readonly Call[] {
    if (!call) return [];
    const members = this.#conference?.members ?? [];
    return members.includes(call) ? [...members] : [call];
  }

  get #conferenceInFront(): Conference | null {
    return this.#current && this.#conference?.members.includes(this.#current) ? this.#conference : null;
  }

  #convene(): Conference {
    const conference = new Conference({ audio: this.microphone });
    this.#conference = conference;
    for (const type of ["joined", "left", "muted"] as const) conference.on(type, () => this.#changed());
    conference.on("ended", () => {
      if (this.#conference === conference) this.#conference = null;
      this.emit("conference", { type: "conference", conference: null });
      this.#changed();
    });
    this.emit("conference", { type: "conference", conference });
    return conference;
  }

  /** Who is handed over is on hold meanwhile, and is back where that comes to nothing. */
  async #handing<T>(call: Call, hand: () => Promise<T>): Promise<T> {
    const talked = talksOn(call);
    if (talked) await this.#serial.run(() => call.hold());
    try {
      return await hand();
    } catch (thrown) {
      if (talked && call === this.#current && call.state === "established") await call.resume().catch(() => undefined);
      throw toOffhookError(thrown);
    }
  }

  #setMuted(muted: boolean): void {
    const target = this.#conferenceInFront ?? this.#current;
    if (muted) target?.mute();
    else target?.unmute();
  }

  #applySpeaker(call: Call): void {
    if (this.#speaker === null || !call.remoteStream) return;
    call.setSpeaker(this.#speaker).catch(() => undefined); // It is gone: the usual one plays.
  }

  #source(): { audio?: MediaSource } {
    return this.#audio === undefined ? {} : { audio: this.#audio };
  }

  #front(call: Call | null): void {
    const previous = this.#current;
    if (previous === call) return;
    this.#current = call;
    this.emit("current", { type: "current", call, previous });
    this.#changed();
  }

  #changed(): void {
    this.emit("change", { type: "change" });
  }

  #expectCurrent(): Call {
    if (!this.#current) throw stateError("there is no call");
    return this.#current;
  }
}

function talksOn(call: Call): boolean {
  return call.state === "established" && !call.onHold.local;
}
