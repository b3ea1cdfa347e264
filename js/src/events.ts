/** How long a listener stays. */
export interface ListenOptions {
  /** Gone after the first event. */
  once?: boolean;
  /** Gone when this aborts. */
  signal?: AbortSignal;
}

/** What `addEventListener` takes. */
export type TypedListener<E> = ((event: CustomEvent<E>) => void) | { handleEvent(event: CustomEvent<E>): void };

/**
 * An `EventTarget` whose events are typed by the map `M`, from event name to what the event carries.
 * `on` hands the listener what is carried; `addEventListener` hands it a `CustomEvent` with that as `detail`.
 */
export class TypedEventTarget<M extends object> extends EventTarget {
  /** Listens, and returns the function that stops listening. */
  on<K extends keyof M & string>(type: K, listener: (event: M[K]) => void, options: ListenOptions = {}): () => void {
    const wrapped = (event: Event): void => listener((event as CustomEvent<M[K]>).detail);
    super.addEventListener(type, wrapped, options);
    return () => super.removeEventListener(type, wrapped);
  }

  /** As `EventTarget` has it, typed. */
  override addEventListener<K extends keyof M & string>(
    type: K,
    listener: TypedListener<M[K]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /** As `EventTarget` has it, typed. */
  override removeEventListener<K extends keyof M & string>(
    type: K,
    listener: TypedListener<M[K]> | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /** @internal Tells the listeners; what one of them throws does not reach the others, nor us. */
  protected emit<K extends keyof M & string>(type: K, detail: M[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
