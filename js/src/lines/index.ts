/**
 * What a telephone has beyond single calls: several lines of which one is talked on, a conference of three mixed here, recordings,
 * and who of the others is on the phone. All of it stands on `UserAgent` and `Call`, and nothing of it is loaded with `offhook`.
 *
 * ```ts
 * const lines = new Lines(agent);
 * await lines.call("bob");
 * await lines.call("carol"); // bob is put on hold
 * await lines.swap(); // carol is, and bob is not any more
 * await lines.merge(); // all three hear each other
 * ```
 *
 * @module
 */
export { Lines } from "./lines.js";
export type { AttendedOptions, LinesEvents, LinesOptions } from "./lines.js";
export { Conference } from "./conference.js";
export type { ConferenceEvents, ConferenceOptions } from "./conference.js";
export { CallRecorder } from "./recorder.js";
export type { RecorderEvents, RecorderOptions, Recording, RecordingMode } from "./recorder.js";
export { DialogInfoState, lineState, parseDialogInfo, replacementOf, writeDialogInfo } from "./dialog-info.js";
export type { DialogDirection, DialogEntry, DialogInfo, DialogParticipant, DialogState, LineState, WrittenDialog } from "./dialog-info.js";
export { parsePresence, presenceOf, writePresence } from "./pidf.js";
export type { Basic, Presence, PresenceTuple } from "./pidf.js";
export { DialogWatch, MessageWatch, PresenceWatch, watchDialogs, watchMessages, watchPresence } from "./watch.js";
export type { DialogWatchEvents, MessageWatchEvents, PresenceWatchEvents, WatchEvents, WatchOptions } from "./watch.js";
export { Announcer } from "./announcer.js";
export type { AnnouncerOptions } from "./announcer.js";
