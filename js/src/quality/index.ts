/**
 * How good a call is: what the browser measures, as figures people know (MOS), as events when something is wrong, and in sum when
 * it is over. Nothing of it is loaded with `offhook`.
 *
 * ```ts
 * const quality = new QualityMonitor(call);
 * quality.on("sample", ({ sample }) => console.log(sample.incoming.mos));
 * quality.on("problem", ({ problem }) => console.log(problem)); // "no-incoming-audio", "silent-microphone" …
 * const { incoming, problems } = await quality.summary;
 * ```
 *
 * @module
 */
export { codecImpairment, effectiveDelay, mosOf, rFactor } from "./e-model.js";
export type { CodecImpairment, EModelInputs } from "./e-model.js";
export { QualityMonitor } from "./monitor.js";
export type {
  DirectionQuality,
  DirectionSummary,
  Measured,
  QualityEvents,
  QualityOptions,
  QualityProblem,
  QualitySample,
  QualitySummary,
} from "./monitor.js";
export { meterLevel } from "./level.js";
export type { LevelOptions } from "./level.js";
