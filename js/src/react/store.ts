import { useCallback, useRef, useSyncExternalStore } from "react";

/** Listens, and returns the function that stops it. */
export type Listen = (changed: () => void) => () => void;

/**
 * Draws the component anew whenever `listen` tells, and once when it begins to: what happened between drawing and listening is
 * seen too. `of` is what is listened to: with another, it begins anew.
 */
export function useChanges(of: unknown, listen: Listen): void {
  const version = useRef(0);
  const listening = useRef(listen);
  listening.current = listen;
  const subscribe = useCallback(
    (told: () => void) => {
      const changed = (): void => {
        version.current++;
        told();
      };
      version.current++;
      return listening.current(changed);
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [of],
  );
  useSyncExternalStore(
    subscribe,
    () => version.current,
    () => 0,
  );
}

/** The same for what tells by events. */
export function listenTo<K extends string>(
  target: { on(type: K, listener: () => void): () => void } | null | undefined,
  types: readonly K[],
): Listen {
  return (changed) => {
    if (!target) return () => undefined;
    const stops = types.map((type) => target.on(type, changed));
    return () => stops.forEach((stop) => stop());
  };
}
