// Puts the pictures that phone-states.spec.ts took (OFFHOOK_SHOTS) together, one sheet for each state, small enough to be kept:
//
//   OFFHOOK_SHOTS=/tmp/shots npx playwright test --project=package phone-states && node pictures.mjs /tmp/shots ../../docs/images/phone
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "@playwright/test";

const [from, to] = process.argv.slice(2);
if (!from || !to) throw new Error("where are the pictures, and where do the sheets go?");
const states = (await readdir(from)).filter((name) => name.endsWith("-narrow.png")).map((name) => name.slice(0, -"-narrow.png".length));
await mkdir(to, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.OFFHOOK_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();
for (const state of states) {
  const pictures = await Promise.all(["light", "dark", "narrow"].map((look) => readFile(join(from, `${state}-${look}.png`), "base64")));
  const sheet = await page.evaluate(async (pictures) => {
    const images = await Promise.all(
      pictures.map(async (picture) => createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob())),
    );
    const height = 520;
    const widths = images.map((image) => Math.round((image.width / image.height) * height));
    const canvas = new OffscreenCanvas(widths.reduce((sum, width) => sum + width + 12, -12), height);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    let x = 0;
    images.forEach((image, index) => {
      context.drawImage(image, x, 0, widths[index], height);
      x += widths[index] + 12;
    });
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.8 });
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, pictures);
  await writeFile(join(to, `${state}.webp`), Buffer.from(sheet));
}
await browser.close();
