import { join } from "node:path";
import { hearsLevel } from "../harness/levels.js";
import { program, ROOT } from "../harness/paths.js";
import { Phone } from "../harness/phone.js";
import { freePort } from "../harness/ports.js";
import { Program } from "../harness/programs.js";
import { expect, test } from "../harness/test.js";
import { giveVoice, VOICES } from "../harness/voices.js";

test("a browser talks to SIPp through the bridge: opus on one side, G.711 on the other", async ({ browser, phones, server }) => {
  const [port, media] = [await freePort(), await freePort()];
  const scenario = join(ROOT, "tests/interop/sipp/echo.xml");
  // It says nothing before its end; an INVITE that is too early for it is sent again.
  const sipp = await Program.start(
    "sipp",
    "bash",
    ["-c", 'echo started; exec sipp "$@"', "sipp", "-sf", scenario, "-rtp_echo", "-m", "1", "-i", "127.0.0.1", "-p", `${port}`, "-mi", "127.0.0.1", "-mp", `${media}`, "-nostdin"],
    { ready: /^started$/ },
  );
  const to = ["--to", `sip:bob@127.0.0.1:${port}`, "--media", "127.0.0.1"];
  const bridge = await Program.start(
    "bridge",
    program("bridge"),
    ["--aor", `sip:carol@${server.domain}`, "--server", server.ws, ...to],
    { cwd: ROOT, env: { OFFHOOK_PASSWORD: "carol-secret" }, ready: /^registered / },
  );
  try {
    const context = await browser.newContext();
    await giveVoice(context, "alice");
    const alice = await Phone.visit(context, server, "alice", "", {});
    phones.push(alice);
    await alice.signIn();
    await alice.dial("carol");
    await alice.sees("established");
    // Her own voice, a quarter of the loudest sine, which SIPp sends back as it comes.
    await hearsLevel(alice.page, VOICES.alice, 20 * Math.log10(0.25 / Math.SQRT2));
    await alice.by("mute").click();
    await alice.hearsNothing({ packets: true });
    await alice.by("mute").click();
    await alice.hears();
    await alice.by("key-5").click();
    await bridge.hears(/^passing on 5$/, 5000);
    await alice.by("hangup").click();
    await alice.seesEnd("Call ended");
    await bridge.hears(/^the bridge for .* is closed$/, 5000);
    expect(alice.sent("BYE")).toBe(1);
  } finally {
    await bridge.stop();
    await sipp.stop();
  }
});
