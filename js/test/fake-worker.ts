import { UserAgent, type ConnectOptions, type WorkerSource } from "../src/index.js";
import type { AgentPort } from "../src/agent-port.js";
import { Hub } from "../src/host/hub.js";
import type { Channel, FromWorker, ToWorker } from "../src/host/messages.js";
import type { AgentConfig } from "../src/protocol.js";
import { FakeAgent } from "./fake-agent.js";
import { fakeMedia, type FakeMedia } from "./fake-media.js";
import { settle } from "./setup.js";

/** One end of a channel; what goes through is copied, as between a page and a worker. */
class End<Out, In> implements Channel<Out, In> {
  onmessage: ((event: MessageEvent<In>) => void) | null = null;
  other!: End<In, Out>;
  open = true;

  postMessage(message: Out): void {
    const data = structuredClone(message);
    queueMicrotask(() => this.open && this.other.onmessage?.({ data } as MessageEvent<Out>));
  }

  /** Nothing comes through any more, as if the page had gone. */
  close(): void {
    this.open = false;
  }
}

export interface Page {
  ua: UserAgent;
  media: FakeMedia[];
  /** The page goes without a word. */
  vanish(): void;
}

/** A worker with a scripted agent, and the pages that share it. */
export class FakeWorker {
  readonly agents: FakeAgent[] = [];
  readonly configs: AgentConfig[] = [];
  readonly hub = new Hub(async (config): Promise<AgentPort> => {
    this.configs.push(config);
    const agent = new FakeAgent();
    this.agents.push(agent);
    return agent;
  });
  /** What is to be used for `worker`. */
  readonly source: WorkerSource = () => this.attach().worker;

  /** The agent that runs now. */
  get agent(): FakeAgent {
    const last = this.agents.at(-1);
    if (!last) throw new Error("there is no agent");
    return last;
  }

  attach(): { worker: Worker & SharedWorker; page: End<ToWorker, FromWorker>; close(): void } {
    const page = new End<ToWorker, FromWorker>();
    const inside = new End<FromWorker, ToWorker>();
    page.other = inside;
    inside.other = page;
    this.hub.connect(inside);
    const worker = Object.assign(page, { port: page, terminate: () => page.close(), addEventListener: () => undefined });
    // Only what a port uses of them.
    return { worker: worker as unknown as Worker & SharedWorker, page, close: () => page.close() };
  }

  /** A page that has connected. */
  async page(options: Partial<ConnectOptions> = {}): Promise<Page> {
    const { worker, page } = this.attach();
    const media = fakeMedia();
    const ua = await UserAgent.connect({
      aor: "sip:alice@example.com",
      server: "ws://example.com/ws",
      host: "shared-worker",
      worker: () => worker,
      media,
      ...options,
    });
    await settle();
    const vanish = (): void => {
      page.postMessage({ type: "close" });
      queueMicrotask(() => page.close());
    };
    return { ua, media: media.made, vanish };
  }
}
