import { sdpMedia, UserAgent } from "offhook";
import { loadWasm, parseMessage } from "offhook/message";
import { wasmBytes } from "./memory.js";
import { SDP } from "./wire.js";

let agents = null;

/** One rings and answers, the other calls. Without PRACK, which the peers do not have. */
async function connect() {
  await loadWasm(new URL("/offhook.wasm", location.href));
  const [alice, bob] = await Promise.all(
    ["alice", "bob"].map((user) =>
      UserAgent.connect({
        aor: `sip:${user}@wire.test`,
        server: `ws://wire.test/${user}`,
        media: sdpMedia(() => SDP),
        reliable: "never",
      }),
    ),
  );
  bob.on("incoming", async ({ call }) => {
    await call.ring();
    await call.answer();
  });
  agents = { alice, bob };
}

globalThis.subject = {
  async ready() {
    const started = performance.now();
    await loadWasm(new URL("/offhook.wasm", location.href));
    return performance.now() - started;
  },
  prepare: connect,
  async call() {
    const called = new Promise((resolve) => agents.bob.on("incoming", ({ call }) => resolve(call.ended), { once: true }));
    const call = await agents.alice.call("bob");
    await call.established;
    await call.hangup();
    await called;
  },
  parse(text) {
    const { via, from, to, callId, cseq, contact } = parseMessage(text);
    return via[0].params.branch.length + from.params.tag.length + to.uri.length + callId.length + cseq.number + contact[0].uri.length;
  },
  wasmBytes,
};
