import { mediaError } from "../errors.js";
import type { MediaEvent, MediaHandler, MediaHandlerFactory, OfferOptions } from "./handler.js";

/** What a description is wanted for. */
export interface DescriptionRequest {
  type: "offer" | "answer";
  /** The other side's offer that is to be answered, or its last description; null if there was none yet. */
  remote: string | null;
  /** Ask the other side to send nothing. */
  hold: boolean;
}

/** Makes a description. */
export type Describe = (request: DescriptionRequest) => string | Promise<string>;

/** Media that live elsewhere: this side only has their descriptions. */
export class SdpMedia implements MediaHandler {
  onEvent: ((event: MediaEvent) => void) | null = null;
  readonly localStream = null;
  readonly remoteStream = null;
  readonly canSendDtmf = false;
  readonly #describe: Describe;
  /** The last description of ours that was agreed on, and of theirs. */
  local: string | null = null;
  remote: string | null = null;
  #proposed: { local: string | null; remote: string | null } | null = null;

  constructor(describe: Describe) {
    this.#describe = describe;
  }

  async createOffer({ hold }: OfferOptions): Promise<string> {
    const local = await this.#describe({ type: "offer", remote: this.remote, hold });
    this.#proposed = { local, remote: null };
    return local;
  }

  async applyAnswer(sdp: string, early: boolean): Promise<void> {
    this.remote = sdp;
    if (early) return;
    this.local = this.#proposed?.local ?? this.local;
    this.#proposed = null;
    this.onEvent?.({ type: "state", state: "connected" });
  }

  async applyOffer(sdp: string): Promise<void> {
    this.#proposed = { local: null, remote: sdp };
  }

  async createAnswer(): Promise<string> {
    const remote = this.#proposed?.remote ?? null;
    const local = await this.#describe({ type: "answer", remote, hold: false });
    this.local = local;
    this.remote = remote;
    this.#proposed = null;
    this.onEvent?.({ type: "state", state: "connected" });
    return local;
  }

  async rollback(): Promise<void> {
    this.#proposed = null;
  }

  setMuted(): void {}

  sendDtmf(): Promise<void> {
    return Promise.reject(mediaError("unsupported", "the media are elsewhere"));
  }

  stats(): Promise<never> {
    return Promise.reject(mediaError("unsupported", "the media are elsewhere"));
  }

  close(): void {}
}

/**
 * For `UserAgent.connect({ media })` where there is no WebRTC, e.g. in Node: calls whose media are somewhere else, by
 * descriptions that you make.
 */
export function sdpMedia(describe: Describe): MediaHandlerFactory {
  return () => new SdpMedia(describe);
}
