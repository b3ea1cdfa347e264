import type { Notification } from "../protocol.js";
import type { Listener } from "./share.js";

/** How long a call waits for its page to be loaded anew, in milliseconds. */
export const GRACE = 10_000;
/** How much is kept for it meanwhile. */
const LIMIT = 64;

/** Stands for the page of a call that has gone, and may come back. */
export class Orphan implements Listener {
  readonly key: string;
  /** What was told meanwhile. */
  readonly news: Notification[] = [];
  over = false;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(key: string, late: () => void) {
    this.key = key;
    this.#timer = setTimeout(late, GRACE);
  }

  tell(notification: Notification): void {
    if (notification.type === "ended") this.over = true;
    if (this.news.length < LIMIT) this.news.push(notification);
  }

  /** Its page is here again, or nobody waits for it any more. */
  forget(): void {
    clearTimeout(this.#timer);
  }
}
