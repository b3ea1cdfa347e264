import { useState } from "react";
import type { Call } from "offhook";
import type { QualityMonitor } from "offhook/quality";
import { useMonitor } from "offhook/react";
import { qualityProblem, scoreInWords } from "../model/words.js";
import { useDesk } from "./context.js";
import { Modal } from "./parts.js";

/** How good a call is, in four bars and a word; more when it is pressed. What is wrong is told. */
export function Quality({ call }: { call: Call }) {
  const { desk } = useDesk();
  const monitor = desk.monitor(call);
  return monitor && <Measured monitor={monitor} />;
}

function Measured({ monitor }: { monitor: QualityMonitor }) {
  const { sample, problems } = useMonitor(monitor);
  const [open, setOpen] = useState(false);
  const mos = sample?.incoming.mos ?? null;
  const bars = mos === null ? 0 : mos >= 4.1 ? 4 : mos >= 3.6 ? 3 : mos >= 3.1 ? 2 : 1;
  return (
    <>
      <button type="button" className="quality" data-testid="quality" data-bars={bars} onClick={() => setOpen(true)}>
        <svg width="18" height="14" viewBox="0 0 18 14" aria-hidden="true" focusable="false">
          {[0, 1, 2, 3].map((bar) => (
            <rect key={bar} x={bar * 4.6} y={10 - bar * 3.2} width="3.2" height={4 + bar * 3.2} rx="1" className={bar < bars ? "on" : ""} />
          ))}
        </svg>
        <span>
          <span className="visually-hidden">Quality: </span>
          {scoreInWords(mos)}
        </span>
      </button>
      {problems.length > 0 && (
        <p className="banner warn" role="status" data-testid="quality-problem">
          {problems.map(qualityProblem).join(" ")}
        </p>
      )}
      {open && (
        <Modal title="Quality of the call" onClose={() => setOpen(false)}>
          <table className="figures">
            <thead>
              <tr>
                <th scope="col">
                  <span className="visually-hidden">What</span>
                </th>
                <th scope="col">You hear</th>
                <th scope="col">They hear</th>
              </tr>
            </thead>
            <tbody>
              <Row name="Score (MOS)" values={[sample?.incoming.mos, sample?.outgoing.mos]} digits={1} />
              <Row name="Lost" values={[percent(sample?.incoming.loss), percent(sample?.outgoing.loss)]} digits={1} unit="%" />
              <Row name="Jitter" values={[sample?.incoming.jitter, sample?.outgoing.jitter]} unit="ms" />
              <Row name="Bit rate" values={[sample?.incoming.bitrate, sample?.outgoing.bitrate]} unit="kbit/s" />
              <Row name="Round trip" values={[sample?.roundTripTime, sample?.roundTripTime]} unit="ms" />
              <Row name="Mouth to ear" values={[sample?.delay, null]} unit="ms" />
            </tbody>
          </table>
          <p className="soft">
            Codec: {sample?.codec?.replace("audio/", "") ?? "unknown"}. The score is that of the E-model (ITU-T G.107): 4.4 is the best there is.
          </p>
        </Modal>
      )}
    </>
  );
}

const percent = (part: number | null | undefined): number | null => (part == null ? null : part * 100);

function Row({ name, values, digits = 0, unit = "" }: { name: string; values: (number | null | undefined)[]; digits?: number; unit?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {values.map((value, column) => (
        <td key={column}>{value == null ? "–" : `${value.toFixed(digits)} ${unit}`}</td>
      ))}
    </tr>
  );
}
