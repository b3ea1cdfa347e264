import { type Call, UserAgent } from "offhook";
import { CallRecorder, Lines, watchDialogs, watchPresence } from "offhook/lines";
import { QualityMonitor } from "offhook/quality";

// #region lines
export async function talkToTwo(ua: UserAgent): Promise<void> {
  const lines = new Lines(ua);
  lines.on("change", () => console.log(`${lines.others.length} wait`));
  await lines.call("bob");
  await lines.call("carol"); // bob is on hold before carol is called
  await lines.swap();
  const conference = await lines.merge(); // all three hear each other, mixed in this page
  console.log(`${conference.members.length} others`);
  await lines.split();
  await lines.hangup();
}
// #endregion lines

// #region attended
export async function transferAfterAsking(lines: Lines, customer: Call, agreed: (colleague: Call) => Promise<boolean>): Promise<void> {
  // Holds, calls, asks, transfers: done when the two talk.
  const { status } = await lines.transferAttended(customer, "dave", { confirm: agreed });
  console.log(status);
}
// #endregion attended

// #region record
export async function record(call: Call): Promise<Blob | null> {
  const recorder = new CallRecorder(call, { mode: "mixed" });
  recorder.start();
  await call.ended;
  const { mixed } = await recorder.stop();
  return mixed;
}
// #endregion record

// #region watch
export function watchColleague(ua: UserAgent): void {
  const phone = watchDialogs(ua, "bob");
  phone.on("dialogs", () => console.log(`bob's line: ${phone.line}`)); // idle, ringing, busy, held
  const person = watchPresence(ua, "bob");
  person.on("presence", ({ presence }) => console.log(presence.note ?? presence.basic));
}
// #endregion watch

// #region quality
export async function watchQuality(call: Call): Promise<void> {
  const quality = new QualityMonitor(call);
  quality.on("sample", ({ sample }) => console.log(`MOS ${sample.incoming.mos}, round trip ${sample.roundTripTime} ms`));
  quality.on("problem", ({ problem }) => console.log(problem)); // e.g. "no-incoming-audio", "silent-microphone"
  const { incoming } = await quality.summary;
  console.log(`over, mean MOS ${incoming.mos?.mean}`);
}
// #endregion quality
