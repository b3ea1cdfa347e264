/** What of a runtime is listened to; a server has none of it, a Worker some. */
interface Surroundings {
  addEventListener?: EventTarget["addEventListener"];
  document?: EventTarget & { visibilityState: string };
  navigator?: { connection?: EventTarget };
}

/**
 * Calls back when something says that the network may have changed or that timers may have slept: the browser is online
 * again, the network is another, the page is looked at again or was taken out of the back-forward cache. What follows
 * from it is decided elsewhere. Returns the function that stops it.
 */
export function watchNetwork(onChange: () => void, here: Surroundings = globalThis as Surroundings): () => void {
  const over = new AbortController();
  const on = (target: EventTarget | undefined, name: string, listener: (event: Event) => void): void =>
    target?.addEventListener?.(name, listener, { signal: over.signal });
  const page = here as EventTarget;
  on(page, "online", onChange);
  on(page, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) onChange();
  });
  on(here.navigator?.connection, "change", onChange);
  on(here.document, "visibilitychange", () => {
    if (here.document?.visibilityState === "visible") onChange();
  });
  return () => over.abort();
}
