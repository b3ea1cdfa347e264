import { Serial } from "./async.js";
import { mediaError, toOffhookError } from "./errors.js";
import type { MediaChange, MediaHandler, OfferOptions } from "./media/handler.js";
import type { TrickledCandidate } from "./protocol.js";

/** How a negotiation speaks to the other side. */
export interface NegotiationPort {
  /** Sends a re-offer; resolves with the answer, rejects with the refusal. */
  offer(kind: ReofferKind, sdp: string): Promise<string | null>;
  acceptOffer(sdp: string): Promise<void>;
  /** `cause`: what is wrong with it. */
  rejectOffer(status: number, cause: unknown): Promise<void>;
}

/** Which of the re-offers. */
export type ReofferKind = "hold" | "resume" | "renegotiate" | "update";

/**
 * Offer and answer between one media handler and the other side, one exchange at a time: which description is applied
 * when, what is rolled back, whose offer goes first. It does not know the call's state, and it does not wait after a 491:
 * the agent does (RFC 3261 14.1).
 */
export class Negotiation {
  readonly #media: MediaHandler;
  readonly #port: NegotiationPort;
  readonly #serial = new Serial();
  #earlySdp: string | null = null;
  /** What is applied already as the first answer: that of the early media, since the other side has offered on top of it. */
  #settled = false;
  #held = false;
  #offersWaiting = 0;
  /** An offer of ours, made because the other side asked for it, has no answer yet. */
  #asked: boolean;
  /** The other side takes candidates one by one, so that descriptions need not wait for them. */
  trickle = false;

  /** `asked`: the first description of the media answers an INVITE without an offer. */
  constructor(media: MediaHandler, port: NegotiationPort, asked = false) {
    this.#asked = asked;
    this.#media = media;
    this.#port = port;
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
    this.#asked = false;
    return this.#serial.run(async () => {
      if (this.#settled) {
        this.#settled = false;
        return;
      }
      const answer = sdp ?? this.#earlySdp;
      this.#earlySdp = null;
      if (answer === null)
        throw mediaError("negotiation", "the other side answered without a description of its media");
      await this.#media.applyAnswer(answer, false);
    });
  }

  /**
   * The other side's description outside of an exchange that the media know of: the answer to an offer of ours that it
   * asked for, or else what it said when the agent refreshed the session (RFC 4028): then the media catch up by an offer.
   */
  negotiated(sdp: string): Promise<void> {
    return this.#asked ? this.answer(sdp) : this.reoffer("renegotiate");
  }

  /** Candidates of the other side, which belong to the description it gave last. */
  addCandidates(candidates: readonly TrickledCandidate[], end: boolean): Promise<void> {
    return this.#serial.run(async () => this.#media.addCandidates?.(candidates, end));
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.#serial.run(async () => undefined);
  }

  /**
   * Offers anew. Refused: everything is as before, and the refusal is thrown. An offer of the other side that comes in
   * between goes first, and ours is made again after it.
   */
  async reoffer(kind: ReofferKind, iceRestart = false, change?: MediaChange): Promise<void> {
    while ((await this.#serial.run(() => this.#offerOnce(kind, iceRestart, change))) === "theirs-first");
  }

  async #offerOnce(kind: ReofferKind, iceRestart: boolean, change?: MediaChange): Promise<"theirs-first" | "agreed"> {
    const hold = kind === "hold" || (kind !== "resume" && this.#held);
    let answer: string | null;
    try {
      const sdp = await this.#offer({ hold, iceRestart, change });
      if (this.#offersWaiting > 0) {
        await this.#media.rollback();
        return "theirs-first";
      }
      answer = await this.#port.offer(kind, sdp);
    } catch (thrown) {
      await this.#media.rollback();
      const error = toOffhookError(thrown);
      if (error.kind === "glare") return "theirs-first";
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
    return "agreed";
  }

  #offer(options: OfferOptions): Promise<string> {
    return this.#media.createOffer(this.trickle ? { ...options, trickle: true } : options);
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
          this.#asked = true;
        } else {
          if (this.#earlySdp !== null) {
            // It offers anew before the call is answered: what it said early was its answer (RFC 3311 5.1).
            await this.#media.applyAnswer(this.#earlySdp, false);
            this.#earlySdp = null;
            this.#settled = true;
          }
          await this.#media.applyOffer(sdp);
          description = await this.#media.createAnswer({ trickle: this.trickle });
        }
      } catch (thrown) {
        await this.#media.rollback();
        await this.#port.rejectOffer(488, thrown);
        throw thrown;
      }
      await this.#port.acceptOffer(description);
    });
  }
}
