import assert from "node:assert/strict";
import { it } from "node:test";

it("can be imported where there is no page", async () => {
  assert.ok(!("document" in globalThis));
  await import("../src/index.js");
  await import("../src/ladder.js");
});
