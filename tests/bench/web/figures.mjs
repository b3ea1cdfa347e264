// What is measured in the browser, by the CPU time of the page's thread: the subjects take turns in short rounds, told is the
// median round.
import { SUBJECTS } from "./lab.mjs";
import { INVITE } from "./pages/invite.js";

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** A figure of everybody: the times in ns, and what was seen besides. */
function figure(values, unit, detail) {
  const { Offhook, ...peers } = values;
  return { value: Offhook, unit, peers, ...(detail ? { detail } : {}) };
}

/** Runs `work` in turns, `times(name)` units of it each round; told are nanoseconds for one. */
async function inTurns(lab, rounds, times, work) {
  const pages = {};
  for (const [name, file] of Object.entries(SUBJECTS)) {
    pages[name] = await lab.open(file);
    await pages[name].evaluate(() => globalThis.subject.prepare());
    // Until the compilers are done with it.
    await pages[name].work(work, { count: times(name), text: INVITE });
    await pages[name].work(work, { count: times(name), text: INVITE });
  }
  const seen = Object.fromEntries(Object.keys(SUBJECTS).map((name) => [name, { cpu: [], wall: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(SUBJECTS)) {
      const count = times(name);
      const { cpu, wall } = await pages[name].work(work, { count, text: INVITE });
      seen[name].cpu.push((cpu * 1e6) / count);
      seen[name].wall.push((wall * 1e6) / count);
    }
  }
  for (const page of Object.values(pages)) await page.close();
  const of = (what) => Object.fromEntries(Object.entries(seen).map(([name, times]) => [name, Math.round(median(times[what]))]));
  return figure(of("cpu"), "ns", { wall: of("wall") });
}

/** A message: a string in, typed fields out (Via, From, To, Call-ID, CSeq, Contact). */
export function parse(lab, quick) {
  const times = { Offhook: 20_000, JsSIP: 1_000, "SIP.js": 100 };
  return inTurns(lab, quick ? 3 : 11, (name) => times[name], ({ count, text }) => {
    const { subject } = globalThis;
    let sum = 0;
    for (let turn = 0; turn < count; turn++) sum += subject.parse(text);
    return sum;
  });
}

/** A call from INVITE to the 200 of its BYE, both sides. */
export function callCycle(lab, quick) {
  return inTurns(lab, quick ? 3 : 11, () => (quick ? 20 : 100), async ({ count }) => {
    for (let turn = 0; turn < count; turn++) await globalThis.subject.call();
  });
}

/** What is in use when 1,000 calls are over, the WebAssembly memory included. */
export async function heap(lab, quick) {
  const [values, before] = [{}, {}];
  for (const [name, file] of Object.entries(SUBJECTS)) {
    const page = await lab.open(file);
    const calls = (count) =>
      page.evaluate(async (count) => {
        for (let turn = 0; turn < count; turn++) await globalThis.subject.call();
      }, count);
    await page.evaluate(() => globalThis.subject.prepare());
    await calls(10);
    before[name] = await page.heap();
    await calls(quick ? 50 : 1000);
    values[name] = await page.heap();
    await page.close();
  }
  return figure(values, "B", { "after ten calls": before });
}

/** From asking for the WebAssembly module to having it, where the browser has seen it before. */
export async function ready(lab, quick) {
  const times = [];
  for (let turn = 0; turn < (quick ? 4 : 12); turn++) {
    const page = await lab.open(SUBJECTS.Offhook);
    times.push((await page.evaluate(() => globalThis.subject.ready())) * 1e6);
    await page.close();
  }
  const [cold, , ...warm] = times;
  return figure({ Offhook: Math.round(median(warm)) }, "ns", { cold: Math.round(cold), best: Math.round(Math.min(...warm)) });
}
