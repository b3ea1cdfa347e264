import { useEffect, useRef } from "react";
import type { UserAgent } from "offhook";
import { defineSipLadder, type SipLadder } from "offhook/ladder";
import { useDesk } from "./context.js";

defineSipLadder();

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "sip-ladder": { ref: React.RefObject<SipLadder | null> };
    }
  }
}

/** The SIP messages of the call in front, or all while there is none. */
export function Ladder({ messages }: { messages: TraceLog }) {
  const { view, front } = useDesk();
  const ladder = useRef<SipLadder>(null);
  const call = view.ringing[0] ?? front;
  useEffect(() => messages.showIn(ladder.current), [messages]);
  useEffect(() => {
    if (ladder.current) ladder.current.callId = call?.callId ?? null;
  }, [call]);
  return (
    <details className="ladder" data-testid="ladder" onToggle={({ currentTarget }) => currentTarget.open && currentTarget.scrollIntoView({ block: "nearest" })}>
      <summary>
        SIP messages <span className="soft">{call ? "of this call" : ""}</span>
      </summary>
      <sip-ladder ref={ladder} />
    </details>
  );
}

type Trace = Parameters<SipLadder["add"]>[0];

/** What went over the wire, from the very first message on. */
export class TraceLog {
  readonly #messages: Trace[] = [];
  #shown: SipLadder | null = null;

  follow(agent: UserAgent): () => void {
    return agent.on("trace", (message) => {
      this.#messages.push(message);
      if (this.#messages.length > 500) this.#messages.shift();
      this.#shown?.add(message);
    });
  }

  showIn(ladder: SipLadder | null): () => void {
    this.#shown = ladder;
    ladder?.clear();
    for (const message of this.#messages) ladder?.add(message);
    return () => {
      this.#shown = null;
    };
  }
}
