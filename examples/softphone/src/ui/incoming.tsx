import { useEffect, useRef } from "react";
import type { Call } from "offhook";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";
import { Avatar } from "./parts.js";

/** Who calls, and what to do about it. The focus comes here unless the person is typing, and goes back. */
export function Incoming({ calls }: { calls: readonly Call[] }) {
  const { desk, talking } = useDesk();
  const [call, ...more] = calls;
  const section = useRef<HTMLElement>(null);
  const shown = call !== undefined;
  useEffect(() => {
    if (!shown) return;
    const before = document.activeElement;
    const typing = before instanceof HTMLInputElement && before.value !== "";
    if (!typing && !document.querySelector("dialog[open]")) section.current?.focus();
    const focused = section.current;
    return () => {
      const lost = document.activeElement === document.body || focused?.contains(document.activeElement);
      if (lost && before instanceof HTMLElement && before !== document.body) before.focus();
    };
  }, [shown]);
  if (!call) return null;
  const name = desk.nameOf(call);
  const via = call.diversions[0]?.diverter;
  return (
    <section ref={section} className="incoming" role="alertdialog" aria-labelledby="incoming-title" aria-describedby="incoming-notes" data-testid="incoming" tabIndex={-1}>
      <Avatar name={name} />
      <div className="grow">
        <h2 id="incoming-title">
          <span className="eyebrow">{talking ? "Another call from" : "Incoming call from"}</span>{" "}
          <strong data-testid="incoming-party">{name}</strong>
        </h2>
        <p id="incoming-notes" className="soft">
          {talking && <span>Answering puts {desk.nameOf(talking)} on hold. </span>}
          {via && <span>Sent on by {desk.nameAt(via)}. </span>}
          {more.length > 0 && (
            <span>
              And {more.length} more: {more.map((other) => desk.nameOf(other)).join(", ")}
            </span>
          )}
        </p>
      </div>
      <div className="actions">
        <button type="button" className="stop" data-testid="reject" aria-keyshortcuts="Escape" onClick={() => void desk.reject(call)}>
          <Icon name="hangup" /> Decline
        </button>
        <button type="button" className="go" data-testid="answer" aria-keyshortcuts="Enter" onClick={() => void desk.answer(call)}>
          <Icon name="call" /> Answer
        </button>
      </div>
    </section>
  );
}
