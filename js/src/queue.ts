/**
 * What comes one after the other, for `for await`. What comes before somebody iterates waits here, the latest of it; what
 * is not wanted any more when its turn comes is left out.
 */
export class Queue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #wanted: (item: T) => boolean;
  #waiting: T[] = [];
  #readers: ((result: IteratorResult<T>) => void)[] = [];
  #closed = false;

  constructor(limit: number, wanted: (item: T) => boolean = () => true) {
    this.#limit = limit;
    this.#wanted = wanted;
  }

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader) return reader({ done: false, value: item });
    this.#waiting.push(item);
    if (this.#waiting.length > this.#limit) this.#waiting.shift();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = [];
  }

  /** Nothing follows. What waits can still be read. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    let pending: ((result: IteratorResult<T>) => void) | null = null;
    return {
      next: () => {
        this.#waiting = this.#waiting.filter(this.#wanted);
        const item = this.#waiting.shift();
        if (item !== undefined) return Promise.resolve({ done: false, value: item });
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
