import { type Browser, chromium, test as base } from "@playwright/test";
import { CHROMIUM, LOOPBACK } from "./chromium.js";
import { Phone } from "./phone.js";
import type { Program } from "./programs.js";
import { Talker } from "./talker.js";
import { type ServerName, type SipServer, startEcho, startServer } from "./servers.js";

export interface WorkerOptions {
  /** Which SIP server the calls go through. */
  via: ServerName;
}

interface WorkerFixtures {
  server: SipServer;
  /** The native echo agent, registered. */
  echo: Program;
}

type TalkerOptions = Parameters<typeof Talker.open> extends [unknown, unknown, unknown, ...infer Rest] ? Rest : never;

interface Fixtures {
  /** Those who were opened: what they saw is told when a test fails. */
  phones: Phone[];
  /** Opens the softphone for a user. */
  open: (user: string, browser?: Browser) => Promise<Phone>;
  /** The same, and signs in. */
  phone: (user: string, browser?: Browser) => Promise<Phone>;
  /** Somebody on a page without buttons, registered. */
  talker: (user: string, ...options: TalkerOptions) => Promise<Talker>;
  /** The same, in another tab beside that of somebody. */
  tab: (beside: Talker, ...options: TalkerOptions) => Promise<Talker>;
}

/** Tests with a SIP server, and with phones that say what they saw when a test fails. */
export const test = base.extend<Fixtures, WorkerOptions & WorkerFixtures>({
  via: ["switchboard", { option: true, scope: "worker" }],
  server: [
    async ({ via }, use) => {
      const server = await startServer(via);
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  echo: [
    async ({ server }, use) => {
      const echo = await startEcho(server);
      await use(echo);
      await echo.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  phones: async ({ server }, use, info) => {
    const phones: Phone[] = [];
    await use(phones);
    if (info.status !== info.expectedStatus) {
      for (const { report } of [...phones.map((phone) => ({ report: phone.report() })), { report: server.report() }]) {
        console.log(report);
      }
    }
    for (const phone of phones) await phone.context.close();
  },
  open: async ({ browser, server, phones }, use) => {
    await use(async (user, where = browser) => {
      const phone = await Phone.open(where, server, user);
      phones.push(phone);
      return phone;
    });
  },
  phone: async ({ open }, use) => {
    await use(async (user, where) => (await open(user, where)).signIn());
  },
  talker: async ({ browser, server, phones }, use) => {
    await use(async (user, ...options) => {
      const talker = await Talker.open(browser, server, user, ...options);
      phones.push(talker.phone);
      return talker;
    });
  },
  tab: async ({ server, phones }, use) => {
    await use(async ({ phone }, ...options) => {
      const talker = await Talker.open(phone.context, server, phone.user, ...options);
      phones.push(talker.phone);
      return talker;
    });
  },
});

export { expect } from "@playwright/test";

export function launchWithLoopback(): Promise<Browser> {
  return chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, LOOPBACK] });
}
