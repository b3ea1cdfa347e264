import { fileURLToPath } from "node:url";
import { serveSite } from "../harness/site.js";
import { Talker } from "../harness/talker.js";
import { expect, test } from "../harness/test.js";

/** A page with nothing in it. */
const EMPTY = fileURLToPath(new URL("../pages/empty/", import.meta.url));

for (const host of ["worker", "shared-worker"] as const) {
  test(`with the agent in a ${host}: register, call, hold, keys, transfer, hang up`, async ({ talker }) => {
    const [alice, bob, carol] = await Promise.all([talker("alice", {}, { host }), talker("bob"), talker("carol", {}, { host })]);
    expect(await alice.run(() => window.ua.registration)).toBe("registered");
    await alice.talksTo(bob);
    await Promise.all([alice.hears(), bob.hears()]);
    await alice.run(() => window.call.hold());
    await bob.isTold("hold false true");
    await alice.phone.hearsNothing({ packets: false });
    await alice.run(() => window.call.resume());
    await Promise.all([alice.hears(), bob.hears()]);
    await alice.run(() => window.call.sendDtmf("5", { via: "info" }));
    await bob.isTold("key 5");
    const transferred = alice.run(async () => (await (await window.call.transfer("carol")).done).status);
    await carol.answer();
    expect(await transferred).toBe(200);
    await alice.run(() => window.call.ended);
    await Promise.all([bob.hears(), carol.hears()]);
    await carol.run(() => window.call.hangup());
    await bob.run(() => window.call.ended);
  });
}

test("a worker that dies is told, with its calls; connecting again makes another", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.run(async () => {
    const { aor, state } = window.ua;
    if (state !== "connected") throw new Error(state);
    await window.ua.shutdown();
    const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    let made: Worker;
    const worker = (): Worker => (made = new Worker("/offhook/dist/worker.js", { type: "module" }));
    const server = new URLSearchParams(location.search).get("server") ?? "";
    const connect = (): Promise<typeof window.ua> =>
      UserAgent.connect({ aor, server, password: "alice-secret", host: "worker", worker });
    const first = await connect();
    const call = await first.call("bob");
    const stopped = new Promise<string>((resolve) => first.on("stopped", ({ error }) => resolve(`stopped: ${error?.message}`)));
    made!.terminate();
    window.told.push(await stopped, `ended ${(await call.ended).by}`);
    window.ua = await connect();
    await window.ua.register();
  });
  expect(await alice.run(() => window.told.slice(-2))).toEqual([
    "stopped: the agent is lost: the worker has ended",
    "ended network",
  ]);
  await bob.dial("alice");
  await alice.phone.page.waitForFunction(() => window.ua.calls.length > 0);
  await alice.run(async () => {
    window.call = window.ua.calls[0]!;
    await window.call.answer();
  });
  await bob.run(() => window.call.established);
});

test("a call whose worker has died goes on in another", async ({ talker }) => {
  const [alice, bob] = await Promise.all([talker("alice"), talker("bob")]);
  await alice.run(async () => {
    const { aor } = window.ua;
    await window.ua.shutdown();
    const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    let made: Worker;
    const worker = (): Worker => (made = new Worker("/offhook/dist/worker.js", { type: "module" }));
    const server = new URLSearchParams(location.search).get("server") ?? "";
    const options = { aor, server, password: "alice-secret", host: "worker", worker, keepCalls: true } as const;
    window.ua = await UserAgent.connect(options);
    window.call = await window.ua.call("bob");
    window.addEventListener("crash", async () => {
      const ended = window.call.ended;
      made.terminate();
      await ended;
      window.ua = await UserAgent.connect(options);
      await window.ua.register();
      window.call = window.ua.restored[0]!;
      (window.softphone.calls as unknown[]).push(window.call);
      await window.call.pickUp();
      window.told.push("picked up");
    });
    (window.softphone.calls as unknown[]).push(window.call);
  });
  await bob.answer();
  await Promise.all([alice.hears(), bob.hears()]);
  await alice.run(() => void window.dispatchEvent(new Event("crash")));
  await alice.isTold("picked up");
  await Promise.all([alice.hears(), bob.hears()]);
  expect(await bob.run(() => window.call.state)).toBe("established");
});

test("the content security policy of the README is enough", async ({ browser, server, talker }) => {
  const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' ${server.ws}`;
  const site = await serveSite({ "/healthz": EMPTY }, { "content-security-policy": policy });
  const bob = await talker("bob");
  try {
    for (const host of ["page", "worker", "shared-worker"] as const) {
      const alice = await Talker.open(browser, { ...server, site: site.url }, "alice", {}, { host });
      await alice.talksTo(bob);
      await Promise.all([alice.hears(), bob.hears()]);
      // It is in force.
      const blocked = await alice.run(() => {
        const said = new Promise<string>((resolve) =>
          addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective)),
        );
        try {
          new Worker(URL.createObjectURL(new Blob(["1"])));
        } catch {
          // Older browsers throw as well.
        }
        return said;
      });
      expect(blocked).toBe("worker-src");
      await alice.run(() => window.call.hangup());
      await bob.run(() => window.call.ended);
      await alice.phone.context.close();
    }
  } finally {
    await site.close();
  }
});

test("a worker whose file is not there is told in words", async ({ talker }) => {
  const alice = await talker("alice");
  const errors = await alice.run(async () => {
    const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    const failures = (["worker", "shared-worker"] as const).map(async (host) => {
      try {
        await UserAgent.connect({ aor: "sip:bob@offhook.test", server: "ws://127.0.0.1:1", host, worker: "/nothing.js" });
        return "connected";
      } catch (error) {
        return (error as Error).message;
      }
    });
    return Promise.all(failures);
  });
  expect(errors).toEqual(Array(2).fill("the agent is lost: the worker's file could not be loaded"));
});

test("two tabs share a registration; a call rings in both and is answered in one", async ({ talker, tab }) => {
  const shared = { host: "shared-worker", trace: true } as const;
  const [one, bob] = await Promise.all([talker("alice", {}, shared), talker("bob")]);
  await one.run(() => {
    window.ua.on("trace", ({ direction, text }) => window.told.push(`${direction} ${text.split(" ", 1)[0]}`));
  });
  const two = await tab(one, {}, shared);
  expect(await two.run(() => window.ua.registration)).toBe("registered");
  expect(await one.run(() => window.told)).not.toContain("out REGISTER");
  await Promise.all([bob.dial("alice"), one.rings(), two.rings()]);
  await two.answer();
  await one.isTold("ended: answered elsewhere");
  expect(await one.run(async () => (await window.call.ended).cause?.cause)).toBe(200);
  await Promise.all([two.hears(), bob.hears()]);
  // What one of them does is no affair of the other.
  await bob.run(() => window.call.hold());
  await two.isTold("hold false true");
  expect(await one.run(() => window.told.filter((told) => told.startsWith("hold")))).toEqual([]);
  await two.run(() => window.call.hangup());
  await bob.run(() => window.call.ended);
});

test("a tab that is closed in a call hangs up; the other goes on", async ({ talker, tab }) => {
  const [one, bob, carol] = await Promise.all([talker("alice", {}, { host: "shared-worker" }), talker("bob"), talker("carol")]);
  const two = await tab(one, {}, { host: "shared-worker" });
  await one.talksTo(bob);
  await two.talksTo(carol);
  await one.phone.page.close();
  await bob.isTold("ended: BYE received");
  await Promise.all([two.hears(), carol.hears()]);
  await two.run(() => window.call.hangup());
  await carol.run(() => window.call.ended);
  // The registration is still there.
  await bob.dial("alice");
  await two.answer();
  await Promise.all([two.hears(), bob.hears()]);
});

test("a tab with other options is told so", async ({ talker, tab }) => {
  const one = await talker("alice", {}, { host: "shared-worker" });
  await expect(tab(one, {}, { host: "shared-worker", expires: 60 })).rejects.toThrow(
    "other tabs share an agent with other options: expires",
  );
});
