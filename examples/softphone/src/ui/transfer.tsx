import { type FormEvent, useState } from "react";
import type { Call } from "offhook";
import { useStore } from "../model/store.js";
import { useDesk } from "./context.js";
import { Icon } from "./icons.js";
import { Modal } from "./parts.js";

/** Whom a call is to be given to, and whether to ask them first. */
export function TransferDialog({ call, onClose }: { call: Call; onClose: () => void }) {
  const { desk, view } = useDesk();
  const contacts = useStore(desk.contacts);
  const [target, setTarget] = useState("");
  const others = view.others.filter(({ state }) => state === "established");
  const name = desk.nameOf(call);
  const go = (how: (target: string) => Promise<void>) => (): void => {
    const wanted = target.trim();
    if (wanted === "") return;
    onClose();
    void how(contacts.find((contact) => contact.name.toLowerCase() === wanted.toLowerCase())?.address ?? wanted);
  };
  const consult = go((wanted) => desk.consult(call, wanted));
  return (
    <Modal title={`Transfer ${name}`} onClose={onClose}>
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          consult();
        }}
      >
        <label>
          <span>To</span>
          <input
            data-testid="transfer-target"
            list="known"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="Name, number or address"
            value={target}
            onChange={(event) => setTarget(event.target.value)}
          />
        </label>
        <div className="choices">
          <button className="primary" data-testid="transfer-attended" disabled={target.trim() === ""}>
            Ask them first
            <small>{name} waits on hold</small>
          </button>
          <button type="button" data-testid="transfer-blind" disabled={target.trim() === ""} onClick={go((wanted) => desk.transfer(call, wanted))}>
            Transfer now
            <small>without a word</small>
          </button>
        </div>
      </form>
      {others.length > 0 && (
        <>
          <h3>Or connect with a call that waits</h3>
          <ul className="plain">
            {others.map((other) => (
              <li key={other.callId}>
                <button
                  type="button"
                  className="wide"
                  data-testid="transfer-connect"
                  onClick={() => {
                    onClose();
                    void desk.connect(call, other);
                  }}
                >
                  <Icon name="merge" /> {desk.nameOf(other)}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Modal>
  );
}

/** A transfer that is under way: the one asked has answered, or not yet. */
export function ConsultationBar() {
  const { desk, state } = useDesk();
  const { consultation, request } = state;
  return (
    <>
      {consultation && (
        <section className="banner info" aria-label="Transfer" data-testid="consultation">
          <p className="grow" role="status">
            {consultation.to
              ? `You talk to ${desk.nameOf(consultation.to)}. ${desk.nameOf(consultation.from)} waits to be transferred.`
              : `Calling ${consultation.target} before ${desk.nameOf(consultation.from)} is transferred…`}
          </p>
          <button type="button" className="quiet" data-testid="transfer-back" onClick={() => consultation.decide(false)}>
            Back to {desk.nameOf(consultation.from)}
          </button>
          {consultation.to && (
            <button type="button" className="primary" data-testid="transfer-complete" onClick={() => consultation.decide(true)}>
              Transfer
            </button>
          )}
        </section>
      )}
      {request && (
        <section className="banner info" aria-label="Request" data-testid="transfer-request">
          <p className="grow" role="alert">
            {desk.nameAt(request.from)} wants to connect you with {desk.nameAt(request.target)}.
          </p>
          <button type="button" className="quiet" data-testid="request-reject" onClick={() => void desk.decide(request, false)}>
            Stay
          </button>
          <button type="button" className="primary" data-testid="request-accept" onClick={() => void desk.decide(request, true)}>
            Connect me
          </button>
        </section>
      )}
    </>
  );
}
