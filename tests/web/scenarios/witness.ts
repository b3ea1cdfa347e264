import type { CallStats, MediaEvent, MediaHandler, MediaKind, OfferOptions } from "offhook";

/** A media handler that passes everything on to another, and says which offers of the other side it was given. */
export class Witness implements MediaHandler {
  /** Told of each offer of the other side within the call; null: it asks for one. */
  onOffer: (sdp: string | null) => void = () => undefined;
  /** How many offers of the application's are under way. */
  offering = 0;
  /** The last answer to an offer of ours. */
  answer: string | null = null;
  closed = false;

  readonly #media: MediaHandler;
  readonly #incoming: boolean;
  readonly #refuses: boolean;
  #begun = false;

  /** `incoming`: the call may begin with their offer, which is told with it. `refuses`: offers within it cannot be used. */
  constructor(media: MediaHandler, incoming: boolean, refuses: boolean) {
    this.#media = media;
    this.#incoming = incoming;
    this.#refuses = refuses;
  }

  get onEvent(): ((event: MediaEvent) => void) | null {
    return this.#media.onEvent;
  }

  set onEvent(listener: ((event: MediaEvent) => void) | null) {
    this.#media.onEvent = listener;
  }

  get localStream(): MediaStream | null {
    return this.#media.localStream;
  }

  get remoteStream(): MediaStream | null {
    return this.#media.remoteStream;
  }

  get canSendDtmf(): boolean {
    return this.#media.canSendDtmf;
  }

  createOffer(options: OfferOptions): Promise<string> {
    // Neither the first one, nor the application's, nor one for lost media: the other side asked for it.
    if (this.#begun && this.offering === 0 && !options.iceRestart) this.onOffer(null);
    this.#begun = true;
    return this.#media.createOffer(options);
  }

  applyAnswer(sdp: string, early: boolean): Promise<void> {
    if (!early) this.answer = sdp;
    return this.#media.applyAnswer(sdp, early);
  }

  async applyOffer(sdp: string): Promise<void> {
    if (this.#begun || !this.#incoming) this.onOffer(sdp);
    const refuses = this.#begun && this.#refuses;
    this.#begun = true;
    if (refuses) throw new Error("the scenario refuses offers");
    await this.#media.applyOffer(sdp);
  }

  createAnswer(): Promise<string> {
    return this.#media.createAnswer();
  }

  rollback(): Promise<void> {
    return this.#media.rollback();
  }

  setMuted(muted: boolean, kind: MediaKind): void {
    this.#media.setMuted(muted, kind);
  }

  sendDtmf(tones: string, duration: number, gap: number): Promise<void> {
    return this.#media.sendDtmf(tones, duration, gap);
  }

  stats(): Promise<CallStats> {
    return this.#media.stats();
  }

  close(): void {
    this.closed = true;
    this.#media.close();
  }
}
