import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PACKAGE, serve } from "./browser.js";
import type { lib, Office, voicesOf } from "./lines-page.js";

declare const page: { Office: typeof Office; lib: typeof lib; voicesOf: typeof voicesOf };

/** What of the lines needs a browser: the mix of a conference, recordings, XML. */
describe("lines in Chromium", { timeout: 180_000 }, () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let tab: Page;

  before(async () => {
    server = await serve({ "/": PACKAGE });
    browser = await launch();
    tab = await browser.newPage();
    tab.on("pageerror", (error) => console.error("page:", error));
    await tab.goto(`${server.url}/nothing`);
    await tab.evaluate("import('/build/test/lines-page.js').then((m) => { globalThis.page = m; })");
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  it("each of three hears the two others, and nobody themselves; one leaves, two go on", async () => {
    const seen = await tab.evaluate(async () => {
      const office = await page.Office.open();
      const { bob, carol, conference } = await office.three();
      const { lines } = office;
      await Promise.all([
        office.hears("bob", ["alice", "carol"]),
        office.hears("carol", ["alice", "bob"]),
        office.hears("alice", ["bob"], bob),
        office.hears("alice", ["carol"], carol),
      ]);
      lines.mute();
      await Promise.all([office.hears("bob", ["carol"]), office.hears("carol", ["bob"])]);
      lines.unmute();
      await office.hears("bob", ["alice", "carol"]);
      const others = lines.others.length;
      await office.far.get("carol")?.hangup();
      await carol.ended;
      await office.hears("bob", ["alice"]);
      await office.hears("alice", ["bob"], bob);
      const seen = { others, over: conference.ended, left: lines.conference, current: lines.current === bob };
      await office.close();
      return seen;
    });
    assert.deepEqual(seen, { others: 0, over: true, left: null, current: true });
  });

  it("a conference is split again: one is talked to, the other is held and hears nothing", async () => {
    const seen = await tab.evaluate(async () => {
      const office = await page.Office.open();
      const { lines } = office;
      const { bob, carol } = await office.three();
      await office.hears("bob", ["alice", "carol"]);
      await lines.split(bob);
      await Promise.all([office.hears("bob", ["alice"]), office.hears("carol", [])]);
      const split = [lines.current === bob, carol.onHold.local, lines.conference === null];
      await lines.swap();
      await Promise.all([office.hears("bob", []), office.hears("carol", ["alice"])]);
      await office.close();
      return split;
    });
    assert.deepEqual(seen, [true, true, true]);
  });

  it("a conference is held as a whole, takes a fourth, and another microphone", async () => {
    const seen = await tab.evaluate(async () => {
      const office = await page.Office.open();
      const { lines } = office;
      const { conference } = await office.three();
      const dave = await office.call("dave");
      const held = conference.members.map((call) => call.onHold.local);
      await Promise.all([office.hears("bob", []), office.hears("dave", ["alice"])]);
      await lines.merge(dave);
      await Promise.all([
        office.hears("bob", ["alice", "carol", "dave"]),
        office.hears("dave", ["alice", "bob", "carol"]),
      ]);
      await lines.useMicrophone(false);
      await office.hears("bob", ["carol", "dave"]);
      const members = conference.members.length;
      await lines.hangup();
      const left = lines.calls.length;
      await office.close();
      return { held, members, left };
    });
    assert.deepEqual(seen, { held: [true, true], members: 3, left: 0 });
  });

  it("records both sides in one, each in one of its own, and a conference", async () => {
    const seen = await tab.evaluate(async () => {
      const { CallRecorder } = page.lib;
      const office = await page.Office.open();
      const call = await office.call("bob");
      await Promise.all([office.hears("bob", ["alice"]), office.hears("alice", ["bob"], call)]);
      const mixed = new CallRecorder(call);
      const separate = new CallRecorder(call, { mode: "separate", timeslice: 200 });
      let pieces = 0;
      const enough = new Promise<void>((resolve) => separate.on("data", () => ++pieces > 10 && resolve()));
      await Promise.all([mixed.start(), separate.start()]);
      await enough;
      const one = await mixed.stop();
      // The end of the call is the end of the recording.
      const carol = await office.call("carol");
      const conference = await office.lines.merge(call, carol);
      await office.hears("bob", ["alice", "carol"]);
      const all = new CallRecorder(conference);
      await all.start();
      await office.hears("carol", ["alice", "bob"]);
      const whole = await all.stop();
      await call.hangup();
      const two = await separate.done;
      const seen = {
        one: one.mixed && (await page.voicesOf(one.mixed)),
        parts: [one.local, two.mixed],
        whole: whole.mixed && (await page.voicesOf(whole.mixed)),
        remote: (two.remote?.size ?? 0) > 1000,
        local: (two.local?.size ?? 0) > 1000,
        type: one.mimeType,
        again: await all.start().catch((thrown: Error) => thrown.message),
        twice: (await mixed.stop()) === one,
      };
      await office.close();
      return seen;
    });
    assert.deepEqual(seen, {
      one: ["alice", "bob"],
      parts: [null, null],
      whole: ["alice", "bob", "carol"],
      remote: true,
      local: true,
      type: "audio/webm;codecs=opus",
      again: "a recorder records once",
      twice: true,
    });
  });

  it("measures how good a call is, how loud, and that a microphone is silent", async () => {
    const seen = await tab.evaluate(async () => {
      const { meterLevel, QualityMonitor } = page.lib;
      const office = await page.Office.open();
      const call = await office.call("bob");
      await office.hears("alice", ["bob"], call);
      const monitor = new QualityMonitor(call, { interval: 200, silentAfter: 600 });
      const sample = await new Promise<NonNullable<typeof monitor.sample>>((resolve) =>
        monitor.on("sample", ({ sample }) => sample.incoming.mos !== null && sample.outgoing.mos !== null && resolve(sample)),
      );
      const silent = new Promise<string>((resolve) => monitor.on("problem", ({ problem }) => resolve(problem)));
      const solved = new Promise<string>((resolve) => monitor.on("solved", ({ problem }) => resolve(problem)));
      const level = await new Promise<number>((resolve) => {
        const stop = meterLevel(call.remoteStream as MediaStream, (level) => {
          if (level < 0.3) return;
          stop();
          resolve(level);
        });
      });
      const context = new AudioContext();
      const nothing = context.createMediaStreamDestination();
      await call.replaceAudio(nothing.stream);
      const problem = await silent;
      await call.replaceAudio(office.lines.microphone);
      const well = await solved;
      await call.hangup();
      const { incoming, outgoing, codec, problems } = await monitor.summary;
      await office.close();
      return { sample, level, problem, well, incoming, outgoing, codec, problems: problems.length };
    });
    assert.ok((seen.sample.incoming.mos ?? 0) > 3.5, `MOS ${seen.sample.incoming.mos}`);
    assert.ok((seen.sample.incoming.level ?? 0) > 0.01 && (seen.sample.outgoing.level ?? 0) > 0.01);
    assert.ok((seen.sample.incoming.bitrate ?? 0) > 5, `${seen.sample.incoming.bitrate} kbit/s`);
    assert.ok(seen.level > 0.3 && seen.level <= 1);
    assert.deepEqual([seen.problem, seen.well, seen.codec, seen.problems], ["silent-microphone", "silent-microphone", "audio/opus", 1]);
    assert.ok((seen.incoming.mos?.mean ?? 0) > 3.5 && (seen.incoming.loss ?? 1) < 0.05);
    assert.ok((seen.outgoing.loss ?? 1) < 0.05);
  });

  it("reads and writes who is on the phone, and takes partial documents together", async () => {
    const seen = await tab.evaluate(() => {
      const { parseDialogInfo, DialogInfoState, lineState, replacementOf, writeDialogInfo } = page.lib;
      const document = (version: number, scope: string, dialogs: string): string =>
        `<?xml version="1.0"?><d:dialog-info xmlns:d="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="${scope}" entity="sip:bob@example.com">${dialogs}</d:dialog-info>`;
      const ringing = `<d:dialog id="1" call-id="c" local-tag="l" remote-tag="r" direction="recipient"><d:state event="cancelled" code="487">early</d:state><d:duration>7</d:duration><d:remote><d:identity display="Carol">sip:carol@example.com</d:identity><d:target uri="sip:c@192.0.2.1"><d:param pname="+sip.rendering" pval="no"/></d:target></d:remote></d:dialog>`;
      const state = new DialogInfoState();
      const applied = [state.apply(parseDialogInfo(document(1, "full", ringing)))];
      const lamp = [lineState(state.dialogs)];
      const first = state.dialogs[0];
      const picked = first && [replacementOf(first), replacementOf(first, "entity")];
      for (const [version, name] of [[2, "confirmed"], [2, "early"], [5, "terminated"]] as const) {
        applied.push(state.apply(parseDialogInfo(document(version, "partial", `<d:dialog id="1"><d:state>${name}</d:state></d:dialog>`))));
        lamp.push(lineState(state.dialogs));
      }
      const written = parseDialogInfo(
        writeDialogInfo(3, "sip:a@b", [{ id: "<1>", direction: "initiator", state: "confirmed", remote: { displayName: `"Q" & A`, uri: "sip:q@b" }, held: true }]),
      );
      const bad = ["", "<a/>", "<dialog-info/>", document(0, "full", "<d:dialog/>"), '<!DOCTYPE x [<!ENTITY a "b">]><dialog-info version="0"/>', document(0, "full", '<d:dialog id="1"><d:state>odd</d:state></d:dialog>')];
      const errors = bad.map((body) => {
        try {
          parseDialogInfo(body);
          return "taken";
        } catch (thrown) {
          return (thrown as Error).message;
        }
      });
      return { applied, lamp, picked, first, held: lineState(written.dialogs), written: written.dialogs[0]?.remote.identity, errors };
    });
    assert.deepEqual(seen.applied, ["updated", "updated", "stale", "incomplete"]);
    assert.deepEqual(seen.lamp, ["ringing", "busy", "busy", "idle"]);
    assert.deepEqual(seen.picked, [
      { callId: "c", toTag: "r", fromTag: "l", earlyOnly: true },
      { callId: "c", toTag: "l", fromTag: "r" },
    ]);
    assert.deepEqual(
      [seen.first?.event, seen.first?.code, seen.first?.duration, seen.first?.remote.rendering, seen.first?.remote.identity],
      ["cancelled", 487, 7, false, { displayName: "Carol", uri: "sip:carol@example.com" }],
    );
    assert.deepEqual([seen.held, seen.written], ["held", { displayName: `"Q" & A`, uri: "sip:q@b" }]);
    assert.deepEqual(seen.errors, [
      "dialog-info: this is no XML (at position 0)",
      "dialog-info: the root is <a>, not <dialog-info> (at position 0)",
      "dialog-info: a document has a version (at position 0)",
      "dialog-info: a dialog has an id (at position 0)",
      "dialog-info: a document type is not taken (at position 0)",
      `dialog-info: "odd" is no state of a dialog (at position 0)`,
    ]);
  });

  it("reads and writes presence", async () => {
    const seen = await tab.evaluate(() => {
      const { parsePresence, presenceOf, writePresence } = page.lib;
      const whole = parsePresence(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:x="urn:x" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:bob@example.com">
        <tuple id="a"><status><basic>closed</basic></status><note>at home</note></tuple>
        <tuple id="b"><status><basic>open</basic></status><contact priority="0.8">sip:bob@192.0.2.1</contact></tuple>
        <tuple id="c"><status><basic>open</basic><x:must p:mustUnderstand="true"/></status></tuple>
        <dm:person id="p"><rpid:activities><rpid:on-the-phone/><rpid:note>no</rpid:note></rpid:activities><dm:note>back at ten</dm:note></dm:person></presence>`);
      const again = parsePresence(writePresence(presenceOf("sip:a@b", "closed", { note: "<lunch> & co", activities: ["away", "no name"] })));
      return { whole, again };
    });
    assert.deepEqual(
      { ...seen.whole, tuples: seen.whole.tuples.map(({ id, contact }) => [id, contact]) },
      {
        entity: "pres:bob@example.com",
        basic: "open",
        note: "back at ten",
        activities: ["on-the-phone"],
        tuples: [["a", null], ["b", "sip:bob@192.0.2.1"]],
      },
    );
    assert.deepEqual([seen.again.basic, seen.again.note, seen.again.activities], ["closed", "<lunch> & co", ["away"]]);
  });
});
