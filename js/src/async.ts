import { OffhookError } from "./errors.js";

/** A promise and the two ways to settle it. A rejection nobody looks at is no unhandled rejection. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: OffhookError) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    ignore(this.promise);
  }
}

/** Runs one task at a time, in the order they came. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Says that a failure of this promise is told elsewhere. */
export function ignore(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

/** The failure that stands for an aborted signal. */
export function aborted(signal: AbortSignal): OffhookError {
  return new OffhookError({ kind: "cancelled" }, { cause: signal.reason });
}

/** Throws if the signal has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** The same promise, which an aborted signal rejects earlier. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  ignore(promise);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(aborted(signal));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** The same promise, rejected with what `late` makes if `ms` milliseconds pass first. */
export function within<T>(promise: Promise<T>, ms: number, late: () => OffhookError): Promise<T> {
  ignore(promise);
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
