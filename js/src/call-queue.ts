import type { Call } from "./call.js";

/**
 * The incoming calls, for `for await`. Calls that come before somebody iterates wait here; calls that ended while they
 * waited are left out.
 */
export class CallQueue implements AsyncIterable<Call> {
  #waiting: Call[] = [];
  #readers: ((result: IteratorResult<Call>) => void)[] = [];
  #closed = false;

  push(call: Call): void {
    const reader = this.#readers.shift();
    if (reader) reader({ done: false, value: call });
    else this.#waiting.push(call);
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Call> {
    let pending: ((result: IteratorResult<Call>) => void) | null = null;
    return {
      next: () => {
        this.#waiting = this.#waiting.filter((call) => call.state === "ringing");
        const call = this.#waiting.shift();
        if (call) return Promise.resolve({ done: false, value: call });
        if (this.#closed) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => {
          pending = resolve;
          this.#readers.push(resolve);
        });
      },
      return: () => {
        this.#readers = this.#readers.filter((reader) => reader !== pending);
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}
