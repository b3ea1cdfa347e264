import { BareBrowser, type BareTab } from "../harness/bare.js";
import type { SipServer } from "../harness/servers.js";
import { expect, test } from "../harness/test.js";

/** Two minutes of real time, as people leave a tab, if this is set; else as long as it takes to see. */
const LONG = process.env["OFFHOOK_HIDDEN_MINUTES"];
const HIDDEN = LONG ? Number(LONG) * 60_000 : 20_000;

/** Users by where their agents live. */
const HOSTS = { alice: "page", bob: "worker", carol: "shared-worker" } as const;
type User = keyof typeof HOSTS;

/** Registers for as short a time as the server allows, answers calls, and counts what it does. */
async function signIn(tab: BareTab, user: User, server: SipServer): Promise<void> {
  const options = {
    aor: `sip:${user}@${server.domain}`,
    server: server.ws,
    password: `${user}-secret`,
    host: HOSTS[user],
    expires: 10,
    keepAlive: 2000,
    trace: true,
  };
  await tab.evaluate(`(async () => {
    const { UserAgent } = await import("/offhook/dist/index.js");
    window.registers = 0;
    window.losses = [];
    window.ua = await UserAgent.connect(${JSON.stringify(options)});
    ua.on("trace", ({ direction, text }) => direction === "out" && text.startsWith("REGISTER") && registers++);
    ua.on("registration", ({ state }) => state !== "registered" && state !== "registering" && losses.push(state));
    ua.on("transport", ({ state }) => losses.push(state));
    ua.on("incoming", ({ call }) => call.answer());
    await ua.register();
  })()`);
}

test("a hidden tab stays registered and connected, wherever the agent lives", async ({ server, talker }) => {
  test.setTimeout(HIDDEN + 60_000);
  const browser = await BareBrowser.launch();
  try {
    const users = Object.keys(HOSTS) as User[];
    const tabs = new Map<User, BareTab>();
    for (const user of users) {
      const tab = await browser.open(`${server.site}/healthz`);
      await signIn(tab, user, server);
      tabs.set(user, tab);
    }
    await browser.open("about:blank");
    const ask = <T>(expression: string): Promise<T[]> =>
      Promise.all(users.map((user) => (tabs.get(user) as BareTab).evaluate<T>(expression)));
    expect(await ask("document.visibilityState")).toEqual(["hidden", "hidden", "hidden"]);
    const before = await ask<number>("registers");
    await new Promise((resolve) => setTimeout(resolve, HIDDEN));
    const refreshes = (await ask<number>("registers")).map((count, index) => count - (before[index] ?? 0));
    for (const count of refreshes) expect(count).toBeGreaterThanOrEqual(Math.floor(HIDDEN / 10_000));
    expect(await ask("losses")).toEqual([[], [], []]);
    expect(await ask("ua.registration")).toEqual(Array(3).fill("registered"));
    // Each can be called, and hears.
    const caller = await talker("echo");
    for (const user of users) {
      await caller.dial(user);
      await caller.run(() => window.call.established);
      await caller.hears();
      await caller.run(() => window.call.hangup());
    }
  } finally {
    await browser.close();
  }
});
