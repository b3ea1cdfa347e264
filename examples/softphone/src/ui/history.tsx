import { useEffect } from "react";
import { clock, moment, scoreInWords } from "../model/words.js";
import { useStore } from "../model/store.js";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";

/** The calls that were. */
export function HistoryPanel() {
  const { desk, state } = useDesk();
  const { calls, unseen } = useStore(desk.history);
  useEffect(() => {
    if (unseen > 0) desk.history.update({ unseen: 0 });
  }, [unseen, desk]);
  return (
    <section className="panel-body" aria-labelledby="history-title">
      <div className="title">
        <h2 id="history-title">Recent calls</h2>
        {calls.length > 0 && (
          <button type="button" className="quiet" onClick={() => desk.history.set({ calls: [], unseen: 0 })}>
            Clear
          </button>
        )}
      </div>
      {calls.length === 0 && <p className="empty">Calls are listed here when they are over.</p>}
      <ul className="rows" aria-label="Calls">
        {calls.map((past) => (
          <li key={past.id} data-testid="past" className={past.missed ? "missed" : ""}>
            <span className="kind" title={past.missed ? "Missed" : past.direction === "incoming" ? "Incoming" : "Outgoing"}>
              <Icon name={past.missed ? "missed" : past.direction} />
              <span className="visually-hidden">{past.missed ? "Missed:" : past.direction === "incoming" ? "From" : "To"}</span>
            </span>
            <span className="grow">
              {past.name}
              <small>
                {moment(past.at)} · {past.talked === null ? past.end : clock(past.talked)}
                {past.mos !== null && ` · ${scoreInWords(past.mos)}`}
              </small>
            </span>
            <button type="button" className="icon-only call-one" aria-label={`Call ${past.name}`} disabled={state.placing !== null} onClick={() => void desk.dial(past.uri)}>
              <Icon name="call" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
