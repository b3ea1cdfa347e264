import { mediaError, type OffhookError } from "../errors.js";

/** What a person does that lets a browser play sound. */
const GESTURES = ["pointerup", "keydown"] as const;

/** Plays the other side, as soon as the browser allows. */
export class Player {
  readonly #element: HTMLMediaElement;
  readonly #onProblem: (error: OffhookError | null) => void;
  #speaker = "";

  /** `onProblem` hears that nothing can be played yet, and (null) that it can now. */
  constructor(element: HTMLMediaElement, onProblem: (error: OffhookError | null) => void) {
    this.#element = element;
    this.#onProblem = onProblem;
  }

  show(stream: MediaStream): void {
    if (this.#element.srcObject !== stream) {
      this.#element.autoplay = true;
      this.#element.srcObject = stream;
    }
    this.play().catch(this.#onProblem);
  }

  /** Plays. Not allowed: rejects, and tries again by itself when the person touches the page. */
  readonly play = async (): Promise<void> => {
    try {
      await this.#element.play();
    } catch (thrown) {
      // Anything else is about a stream that has changed or gone meanwhile.
      if (!(thrown instanceof DOMException) || thrown.name !== "NotAllowedError") return;
      for (const gesture of GESTURES) addEventListener(gesture, this.#again);
      throw mediaError("playback", "the browser will not play sound before you touch the page", thrown);
    }
  };

  readonly #again = (): void => {
    this.#forget();
    this.play().then(() => this.#onProblem(null), this.#onProblem);
  };

  #forget(): void {
    for (const gesture of GESTURES) removeEventListener(gesture, this.#again);
  }

  async setSpeaker(deviceId: string): Promise<void> {
    // Absent in some browsers, whatever the types say.
    if (!("setSinkId" in this.#element)) throw mediaError("unsupported", "this browser cannot choose the speaker");
    try {
      await this.#element.setSinkId(deviceId);
    } catch (thrown) {
      throw thrown instanceof DOMException && thrown.name === "NotAllowedError"
        ? mediaError("denied", "the speaker was not allowed", thrown)
        : mediaError("no-device", "the chosen speaker was not found", thrown);
    }
    this.#speaker = deviceId;
  }

  /** Goes back to the usual speaker if the chosen one is not among the devices; tells whether it did. */
  async checkSpeaker(devices: readonly MediaDeviceInfo[]): Promise<boolean> {
    if (!this.#speaker || devices.some(({ kind, deviceId }) => kind === "audiooutput" && deviceId === this.#speaker))
      return false;
    await this.setSpeaker("");
    return true;
  }

  close(): void {
    this.#forget();
    this.#element.pause();
    this.#element.srcObject = null;
  }
}
