import { type Browser, chromium } from "@playwright/test";
import { CHROMIUM, LOOPBACK } from "../harness/chromium.js";
import { type ExchangeServer, startExchange } from "../harness/exchanges.js";
import { Talker } from "../harness/talker.js";
import { expect, test as base } from "../harness/test.js";

/** Those who have accounts for browsers. */
const USERS = { kamailio: ["alice", "bob", "carol"], asterisk: ["dora", "erik", "fred"] } as const;

for (const name of ["kamailio", "asterisk"] as const) {
  base.describe(name, () => {
    let exchange: ExchangeServer;
    let loopback: Browser;

    base.beforeAll(async () => {
      exchange = await startExchange(name);
      // Asterisk's media are on the loopback, and nobody signs certificates for it.
      loopback = await chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, LOOPBACK, "--ignore-certificate-errors"] });
    });
    base.afterAll(async () => {
      await loopback.close();
      await exchange.stop();
    });

    for (const transport of ["ws", "wss"] as const) {
      const test = base.extend<{ three: [Talker, Talker, Talker] }>({
        three: async ({ phones }, use) => {
          const server = exchange.over(transport);
          const opened = await Promise.all(USERS[name].map((user) => Talker.open(loopback, server, user)));
          phones.push(...opened.map(({ phone }) => phone));
          await use(opened as [Talker, Talker, Talker]);
        },
      });

      test(`over ${transport}: called, held by each side, keys, hung up`, async ({ three: [alice, bob] }) => {
        await alice.talksTo(bob);
        await Promise.all([alice.hears(), bob.hears()]);
        for (const [holder, held] of [
          [alice, bob],
          [bob, alice],
        ] as const) {
          await holder.run(() => window.call.hold());
          await held.phone.page.waitForFunction(() => window.call.onHold.remote);
          await held.phone.hearsNothing({ packets: true });
          await holder.run(() => window.call.resume());
          await held.phone.page.waitForFunction(() => !window.call.onHold.remote);
          await Promise.all([alice.hears(), bob.hears()]);
        }
        await alice.run(() => window.call.sendDtmf("5", { via: "info" }));
        if (name === "kamailio") await bob.isTold("key 5");
        await bob.run(() => window.call.hangup());
        expect(await alice.run(async () => (await window.call.ended).by)).toBe("remote");
      });

      test(`over ${transport}: a blind transfer`, async ({ three: [alice, bob, carol] }) => {
        await alice.talksTo(bob);
        await Promise.all([alice.hears(), bob.hears()]);
        const [outcome] = await Promise.all([transferred(alice, carol.phone.user), carol.answer()]);
        expect(outcome).toBe(200);
        await Promise.all([bob.hears(), carol.hears()]);
        await carol.run(() => window.call.hangup());
        expect(await bob.run(async () => (await window.call.ended).by)).toBe("remote");
      });

      test(`over ${transport}: an attended transfer`, async ({ three: [alice, bob, carol] }) => {
        await alice.talksTo(bob);
        await alice.run(() => window.call.hold());
        await alice.talksTo(carol);
        await Promise.all([alice.hears(), carol.hears()]);
        const transfer = alice.run(async () => {
          const [first, second] = window.softphone.calls.slice(-2);
          if (!first || !second) throw new Error("there are no two calls");
          const { status } = await (await first.transferTo(second)).done;
          await Promise.all([first.ended, second.ended]);
          return status;
        });
        // Bob calls carol in the place of her call; Asterisk, which is between them, does it by itself.
        if (name === "kamailio") await carol.answer();
        expect(await transfer).toBe(200);
        await Promise.all([bob.hears(), carol.hears()]);
        await bob.run(() => window.call.hangup());
        expect(await carol.run(async () => (await window.call.ended).by)).toBe("remote");
      });

      if (name !== "asterisk") continue;
      test(`over ${transport}: sound comes back, and a key within it is heard`, async ({ three: [alice] }) => {
        await alice.dial("600");
        await alice.run(() => window.call.established);
        await alice.hears();
        await alice.run(() => window.call.hangup());
        await alice.dial("604");
        await alice.run(() => window.call.established);
        // It is hung up as soon as the key is heard, perhaps before it is over.
        await alice.run(() => void window.call.sendDtmf("5", { via: "rtp" }).catch(() => undefined));
        expect(await alice.run(async () => (await window.call.ended).by)).toBe("remote");
      });
    }
  });
}

/** Transfers the call to somebody; told is the final status. */
function transferred(from: Talker, to: string): Promise<number | null> {
  return from.phone.page.evaluate(async (to) => (await (await window.call.transfer(to)).done).status, to);
}
