import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A piece of wire between a browser and a server, which can be cut, go silent, and be taken away. */
export class Relay {
  readonly #server: Server;
  readonly #links = new Set<[Socket, Socket]>();
  #away = false;
  /** How many connections there were. */
  opened = 0;

  /** To the host and port of a URL; `url` leads through the relay. */
  static async to(target: string): Promise<Relay> {
    const relay = new Relay(new URL(target));
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  private constructor(readonly target: URL) {
    this.#server = createServer((near) => {
      if (this.#away) {
        near.destroy();
        return;
      }
      this.opened++;
      const far = connect(Number(target.port), target.hostname);
      const link: [Socket, Socket] = [near, far];
      this.#links.add(link);
      const over = (): void => {
        this.#links.delete(link);
        for (const end of link) end.destroy();
      };
      for (const end of link) end.on("error", over).on("close", over);
      near.pipe(far);
      far.pipe(near);
    });
  }

  get url(): string {
    const url = new URL(this.target);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Breaks all connections; new ones are welcome. */
  cut(): void {
    for (const [near] of this.#links) near.destroy();
  }

  /** Nothing goes through the connections there are any more, but they stay. New ones work. */
  silence(): void {
    for (const [near, far] of this.#links) {
      near.unpipe(far).resume();
      far.unpipe(near).resume();
    }
  }

  /** Breaks all connections and takes no new ones until it is `back`. */
  away(): void {
    this.#away = true;
    this.cut();
  }

  back(): void {
    this.#away = false;
  }

  async stop(): Promise<void> {
    this.away();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
