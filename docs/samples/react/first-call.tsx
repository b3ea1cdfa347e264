import { useAgent, useCall, useLines } from "offhook/react";

const ACCOUNT = { aor: "sip:alice@example.com", server: "wss://example.com/ws", password: "secret" };

export default function App() {
  // Connects and registers while this component is there, and shuts down when it goes.
  const { agent, registration, error } = useAgent(ACCOUNT);
  const { lines, current, ringing } = useLines(agent);
  const { state, identity } = useCall(current);
  const [caller] = ringing;

  if (error) return <p role="alert">{error.message}</p>;
  if (!lines || registration !== "registered") return <p>Signing in…</p>;
  return (
    <main>
      {caller && (
        <p>
          {caller.identity.shown.uri} calls
          <button onClick={() => void lines.answer(caller)}>Answer</button>
          <button onClick={() => void caller.reject(486)}>Decline</button>
        </p>
      )}
      {current && state === "established" ? (
        <button onClick={() => void lines.hangup()}>Hang up on {identity?.shown.uri}</button>
      ) : (
        <button disabled={current !== null} onClick={() => void lines.call("bob")}>
          Call bob
        </button>
      )}
    </main>
  );
}
