import { delay, Serial } from "./async.js";
import { mediaError, OffhookError, toOffhookError } from "./errors.js";
import type { MediaHandler, OfferOptions } from "./media/handler.js";

/** How a negotiation speaks to the other side. */
export interface NegotiationPort {
  /** Sends a re-offer; resolves with the answer, rejects with the refusal. */
  offer(kind: ReofferKind, sdp: string): Promise<string | null>;
  acceptOffer(sdp: string): Promise<void>;
  rejectOffer(status: number): Promise<void>;
}

/** Which of the three re-offers. */
export type ReofferKind = "hold" | "resume" | "renegotiate";

/** How often a re-offer that met one of the other side is tried again. */
const GLARE_RETRIES = 3;

/**
 * Offer and answer between one media handler and the other side, one exchange at a time: which description is applied
 * when, what is rolled back, who waits after a glare (RFC 3261 14.1). It does not know the call's state.
 */
export class Negotiation {
  readonly #media: MediaHandler;
  readonly #port: NegotiationPort;
  readonly #ownsCallId: boolean;
  readonly #serial = new Serial();
  #earlySdp: string | null = null;
  #held = false;
  #offersWaiting = 0;

  constructor(media: MediaHandler, port: NegotiationPort, ownsCallId: boolean) {
    this.#media = media;
    this.#port = port;
    this.#ownsCallId = ownsCallId;
  }

  /** Early media: an answer another may still replace. */
  early(sdp: string): Promise<void> {
    return this.#serial.run(async () => {
      if (sdp === this.#earlySdp) return;
      this.#earlySdp = sdp;
      await this.#media.applyAnswer(sdp, true);
    });
  }

  /** The answer to our offer; null: the one of the early media stands. */
  answer(sdp: string | null): Promise<void> {
    return this.#serial.run(async () => {
      const answer = sdp ?? this.#earlySdp;
      if (answer === null) throw mediaError("negotiation", "the other side answered without a description of its media");
      await this.#media.applyAnswer(answer, false);
    });
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#serial.run(async () => undefined);
  }

  /** Offers anew. Refused: everything is as before, and the refusal is thrown. After a glare it tries again by itself. */
  async reoffer(kind: ReofferKind, iceRestart = false): Promise<void> {
    for (let retries = 0; ; ) {
      const refusal = await this.#serial.run(() => this.#offerOnce(kind, iceRestart));
      if (refusal === null) return;
      if (refusal === "theirs-first") continue;
      if (retries++ === GLARE_RETRIES) throw refusal;
      await delay(glareDelay(this.#ownsCallId));
    }
  }

  async #offerOnce(kind: ReofferKind, iceRestart: boolean): Promise<OffhookError | "theirs-first" | null> {
    const hold = kind === "renegotiate" ? this.#held : kind === "hold";
    let answer: string | null;
    try {
      const sdp = await this.#offer({ hold, iceRestart });
      if (this.#offersWaiting > 0) {
        await this.#media.rollback();
        return "theirs-first";
      }
      answer = await this.#port.offer(kind, sdp);
    } catch (thrown) {
      await this.#media.rollback();
      const error = toOffhookError(thrown);
      if (error.status === 491) return error;
      if (error.kind === "state" && this.#offersWaiting > 0) return "theirs-first";
      throw error;
    }
    try {
      if (answer === null) throw mediaError("negotiation", "the other side agreed without a description of its media");
      await this.#media.applyAnswer(answer, false);
    } catch (thrown) {
      await this.#media.rollback();
      throw thrown;
    }
    this.#held = hold;
    return null;
  }

  #offer(options: OfferOptions): Promise<string> {
    return this.#media.createOffer(options);
  }

  /** The other side offers, or (null) asks us to. What we cannot use is refused with 488. */
  remoteOffer(sdp: string | null): Promise<void> {
    this.#offersWaiting++;
    return this.#serial.run(async () => {
      this.#offersWaiting--;
      let description: string;
      try {
        if (sdp === null) {
          description = await this.#offer({ hold: this.#held, iceRestart: false });
        } else {
          await this.#media.applyOffer(sdp);
          description = await this.#media.createAnswer();
        }
      } catch (thrown) {
        await this.#media.rollback();
        await this.#port.rejectOffer(488);
        throw thrown;
      }
      await this.#port.acceptOffer(description);
    });
  }
}

/** RFC 3261 14.1: who owns the Call-ID waits 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms. */
function glareDelay(ownsCallId: boolean): number {
  return ownsCallId ? 2100 + 10 * Math.floor(Math.random() * 191) : 10 * Math.floor(Math.random() * 201);
}
