import { clock } from "../model/words.js";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";

/** That it is recorded, and the recordings that can be saved. They are gone with the page. */
export function Recording() {
  const { desk, state } = useDesk();
  const { recorder, tapes } = state;
  if (!recorder && tapes.length === 0) return null;
  return (
    <div className="tapes">
      {recorder && (
        <p className="recording" role="status" data-testid="recording">
          Recording. Everybody should know it.
        </p>
      )}
      {tapes.map((tape) => (
        <p key={tape.url} className="tape" data-testid="tape">
          <audio controls src={tape.url} aria-label={`Recording of ${tape.name}`} />
          <span className="soft">{clock(tape.duration)}</span>
          <a className="button quiet" href={tape.url} download={`${tape.name}.${tape.extension}`}>
            <Icon name="save" /> Save
          </a>
          <button type="button" className="quiet icon-only" aria-label={`Discard the recording of ${tape.name}`} onClick={() => desk.removeTape(tape)}>
            <Icon name="trash" />
          </button>
        </p>
      ))}
    </div>
  );
}
