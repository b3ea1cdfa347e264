import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SipLadder } from "offhook/ladder";
import type { Page } from "@playwright/test";
import { expect, test } from "../harness/test.js";

/** A call of alice's, drawn. */
async function drawn(page: Page, alice: { aor: string; server: string; password: string }): Promise<void> {
  await page.evaluate(async (options) => {
    const { UserAgent } = (await import("/offhook/dist/index.js" as string)) as typeof import("offhook");
    const { defineSipLadder } = (await import("/offhook/dist/ladder.js" as string)) as typeof import("offhook/ladder");
    defineSipLadder();
    defineSipLadder();
    document.body.replaceChildren(document.createElement("sip-ladder"));
    document.documentElement.lang = "en";
    document.title = "ladder";
    // It is as the page around it is.
    document.documentElement.style.colorScheme = "light dark";
    const ladder = document.querySelector("sip-ladder") as SipLadder;
    const ua = await UserAgent.connect({ ...options, trace: true });
    ua.on("trace", (message) => ladder.add(message));
    await ua.register();
    const call = await ua.call("busy");
    await call.ended;
    await ua.shutdown();
  }, alice);
}

test("a ladder draws every message, opens each, is walked by keys, and is saved", async ({ browser, server }, info) => {
  const context = await browser.newContext({ colorScheme: "light", viewport: { width: 720, height: 640 } });
  const folder = await mkdtemp(join(tmpdir(), "offhook-ladder-"));
  try {
    const page = await context.newPage();
    await page.goto(`${server.site}/healthz`);
    await drawn(page, { aor: `sip:alice@${server.domain}`, server: server.ws, password: "alice-secret" });
    const rows = page.getByRole("list", { name: "SIP messages" }).getByRole("button");
    const labels = await rows.evaluateAll((all) => all.map((row) => row.querySelector(".said")?.textContent?.replace(/, after.*/, "")));
    for (const label of ["Sent REGISTER", "Received 401 Unauthorized (REGISTER)", "Received 200 OK (REGISTER)"]) {
      expect(labels).toContain(label);
    }
    expect(labels.filter((label) => label === "Sent INVITE + SDP").length).toBeGreaterThan(0);
    expect(labels).toContain("Received 486 Test 486 (INVITE)");
    expect(labels).toContain("Sent ACK");

    // By keys alone.
    await rows.first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("End");
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await expect(rows.first()).toHaveAttribute("aria-expanded", "true");
    await expect(page.locator("sip-ladder pre").first()).toContainText("REGISTER sip:");
    const light = await page.screenshot({ path: info.outputPath("ladder-light.png") });
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await page.screenshot({ path: info.outputPath("ladder-dark.png") });
    expect(light.equals(dark)).toBe(false);

    const save = async (name: string): Promise<Buffer> => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
      const file = join(folder, download.suggestedFilename());
      await download.saveAs(file);
      return readFile(file);
    };
    const text = (await save("Save as text")).toString();
    expect(text.split("\n--- ").length).toBe(labels.length);
    const pcap = await save("Save as pcap");
    expect(pcap.readUInt32BE(0)).toBe(0xa1b2c3d4);
    for (const exported of [text, pcap.toString("latin1")]) {
      expect(exported).toContain("INVITE sip:busy@");
      expect(exported).not.toContain("alice-secret");
      expect(exported).not.toMatch(/response="?[0-9a-f]{8}/);
      expect(exported).not.toMatch(/a=ice-pwd:[^*\s]/);
    }

    // One call only.
    const one = await page.evaluate(() => {
      const ladder = document.querySelector("sip-ladder") as SipLadder;
      ladder.callId = /Call-ID: (\S+)/.exec(ladder.messages.at(-1)?.text ?? "")?.[1] ?? null;
      return ladder.messages.length;
    });
    await expect(rows).toHaveCount(one);
    expect(one).toBeLessThan(labels.length);
  } finally {
    await context.close();
    await rm(folder, { recursive: true });
  }
});
