import { type Call, type End, OffhookError, UserAgent } from "offhook";

/** A call that is not on its way yet, e.g. because the browser asks for the microphone. */
export interface Placing {
  target: string;
  controller: AbortController;
}

/** Takes what could not be done, and why; both null when the person wishes something new. */
export type Failed = (what: string | null, thrown: unknown) => void;

/** The calls of one account: which is in front, which ring, which wait. It draws nothing. */
export class Phone {
  readonly userAgent: UserAgent;
  /** Every call since signing in, the newest last. */
  readonly calls: Call[] = [];
  /** The call in front; it stays when it has ended, until another takes its place. */
  current: Call | null = null;
  placing: Placing | null = null;
  readonly ends = new Map<Call, End>();
  readonly #changed: () => void;
  readonly #failed: Failed;
  readonly #answering = new Set<Call>();

  constructor(userAgent: UserAgent, changed: () => void, failed: Failed) {
    this.userAgent = userAgent;
    this.#changed = changed;
    this.#failed = failed;
    userAgent.on("incoming", ({ call }) => {
      this.#follow(call);
      call.ring().catch(() => undefined); // The caller was faster.
      changed();
    });
  }

  /** Incoming calls that wait for an answer. */
  get ringing(): Call[] {
    return this.calls.filter(
      (call) => call.direction === "incoming" && call.state === "ringing" && !this.#answering.has(call),
    );
  }

  /** Calls that go on behind the one in front. */
  get others(): Call[] {
    const ringing = this.ringing;
    return this.calls.filter((call) => call.state !== "ended" && call !== this.current && !ringing.includes(call));
  }

  /** The call in front, if one can talk in it. */
  get talking(): Call | null {
    return this.current?.state === "established" ? this.current : null;
  }

  async dial(target: string): Promise<void> {
    if (this.placing) return;
    const controller = new AbortController();
    await this.#try(`Could not call ${target}`, async () => {
      await this.#makeRoom();
      this.placing = { target, controller };
      this.#changed();
      try {
        const call = await this.userAgent.call(target, { signal: controller.signal });
        this.current = call;
        this.#follow(call);
      } finally {
        this.placing = null;
      }
    });
  }

  async answer(call: Call): Promise<void> {
    await this.#try("Could not answer", async () => {
      await this.#makeRoom();
      const before = this.current;
      this.#answering.add(call);
      this.current = call;
      this.#changed();
      try {
        await call.answer();
      } catch (thrown) {
        if (call.state !== "ringing") return; // It has ended meanwhile; its end says why.
        this.current = before;
        throw thrown;
      } finally {
        this.#answering.delete(call);
      }
    });
  }

  reject(call: Call): Promise<void> {
    return this.#try("Could not decline", () => call.reject());
  }

  hangup(call: Call | null = this.current): Promise<void> {
    this.placing?.controller.abort();
    return this.#try("Could not hang up", async () => call?.hangup());
  }

  toggleHold(): Promise<void> {
    const call = this.talking;
    return call?.onHold.local
      ? this.#try("Could not resume the call", () => call.resume())
      : this.#try("Could not hold the call", async () => call?.hold());
  }

  toggleMute(): void {
    const call = this.talking;
    if (call?.muted) call.unmute();
    else call?.mute();
  }

  sendKey(key: string): Promise<void> {
    return this.#try(`Could not send ${key}`, async () => this.talking?.sendDtmf(key));
  }

  /** Brings a waiting call to the front and puts the one there on hold. */
  switchTo(call: Call): Promise<void> {
    return this.#try("Could not switch", async () => {
      await this.#makeRoom();
      this.current = call;
      this.#changed();
      await call.resume();
    });
  }

  /** One talks to one at a time. */
  async #makeRoom(): Promise<void> {
    const call = this.talking;
    if (call && !call.onHold.local) await call.hold();
  }

  #follow(call: Call): void {
    this.calls.push(call);
    for (const type of ["state", "progress", "hold", "muted", "media"] as const) call.on(type, this.#changed);
    call.on("ended", ({ end }) => {
      this.ends.set(call, end);
      if (call === this.current) {
        this.#failed(null, null);
        this.current = this.others[0] ?? call;
      }
      this.current ??= call;
      this.#changed();
    });
    this.#changed();
  }

  /** Every wish ends in a fresh picture, and every failure in words. */
  async #try(what: string, wish: () => Promise<unknown>): Promise<void> {
    this.#failed(null, null);
    try {
      await wish();
    } catch (thrown) {
      if (!(thrown instanceof OffhookError && thrown.kind === "cancelled")) this.#failed(what, thrown);
    }
    this.#changed();
  }
}
