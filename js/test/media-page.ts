import { type Call, type ConnectOptions, type MediaHandlerFactory, type PeerConnectionOptions, UserAgent } from "../src/index.js";
import { FakeNetwork, type NetworkAgent } from "./fake-network.js";

/** Two user agents in one page, with real media between them. */
export interface MediaWorld {
  alice: UserAgent;
  bob: UserAgent;
  bobPort: NetworkAgent;
  ring(): Promise<{ outgoing: Call; incoming: Call }>;
  talk(): Promise<{ outgoing: Call; incoming: Call }>;
  /** Resolves when sound arrives, from now on. */
  hears(call: Call): Promise<void>;
  /** Resolves when no more sound arrives. */
  silent(call: Call): Promise<void>;
  /** The directions in use. */
  directions(call: Call): string;
}

const connections: RTCPeerConnection[] = [];

const Original = RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(configuration?: RTCConfiguration) {
    super(configuration);
    connections.push(this);
  }
};

type Media = PeerConnectionOptions | MediaHandlerFactory;

export async function createWorld(media: { alice?: Media; bob?: Media } = {}): Promise<MediaWorld> {
  const network = new FakeNetwork();
  const bobPort = network.agent("sip:bob@example.com", "Bob");
  const alicePort = network.agent("sip:alice@example.com", "Alice");
  const options = (user: "alice" | "bob", port: NetworkAgent): ConnectOptions => ({
    aor: `sip:${user}@example.com`,
    server: "ws://example.com/ws",
    port: async () => port,
    media: media[user] ?? {},
  });
  const bob = await UserAgent.connect(options("bob", bobPort));
  const alice = await UserAgent.connect(options("alice", alicePort));

  const ring = async (): Promise<{ outgoing: Call; incoming: Call }> => {
    const arriving = new Promise<Call>((resolve) => bob.on("incoming", ({ call }) => resolve(call), { once: true }));
    const outgoing = await alice.call("bob");
    return { outgoing, incoming: await arriving };
  };
  const energy = async (call: Call): Promise<number> => (await call.stats())?.totalAudioEnergy ?? 0;
  return {
    alice,
    bob,
    bobPort,
    ring,
    talk: async () => {
      const { outgoing, incoming } = await ring();
      await incoming.ring();
      await incoming.answer();
      await outgoing.established;
      return { outgoing, incoming };
    },
    hears: async (call) => {
      const start = await energy(call);
      await until("there is sound", async () => (await energy(call)) > start + 1e-4);
    },
    silent: async (call) => {
      await until("there is silence", async () => {
        const start = await energy(call);
        // The fake microphone beeps once a second.
        await new Promise((resolve) => setTimeout(resolve, 1500));
        return (await energy(call)) - start < 1e-6;
      });
    },
    directions: (call) => {
      const pc = connections.find((candidate) =>
        candidate.getSenders().some((sender) => sender.track && sender.track === call.localStream?.getTracks()[0]),
      );
      return (
        pc
          ?.getTransceivers()
          .map((transceiver) => transceiver.currentDirection)
          .join() ?? "none"
      );
    },
  };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
