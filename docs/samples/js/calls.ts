import { type Call, OffhookError, UserAgent } from "offhook";

// #region connect
export async function connect(password: string): Promise<UserAgent> {
  const ua = await UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "wss://example.com/ws",
    displayName: "Alice",
    password,
  });
  const { expires } = await ua.register();
  console.log(`registered for ${expires} s, refreshed by itself`);
  return ua;
}
// #endregion connect

// #region call
export async function callBob(ua: UserAgent): Promise<void> {
  const call = await ua.call("bob");
  call.on("progress", ({ status, reason }) => console.log(`${status} ${reason}`));
  try {
    await call.established;
  } catch (thrown) {
    console.log(`no call: ${thrown}`); // e.g. "486 Busy Here"
    return;
  }
  const { by, status } = await call.ended;
  console.log(`ended by ${by}, status ${status}`);
}
// #endregion call

// #region cancel
export async function callForTenSeconds(ua: UserAgent): Promise<Call> {
  // Until the call is established, the signal hangs it up: CANCEL, or BYE if the answer was faster.
  return ua.call("bob", { signal: AbortSignal.timeout(10_000) });
}
// #endregion cancel

// #region incoming
export async function answerEverybody(ua: UserAgent): Promise<void> {
  for await (const call of ua.incoming) {
    await call.ring();
    const { shown, anonymous } = call.identity;
    console.log(anonymous ? "somebody unknown calls" : `${shown.displayName ?? shown.uri} calls`);
    await call.answer();
  }
}
// #endregion incoming

// #region hold
export async function holdForAMoment(call: Call): Promise<void> {
  try {
    await call.hold(); // the other side has agreed
    await call.resume();
  } catch (thrown) {
    // Refused, e.g. with 488: the call is as it was before, and goes on.
    console.log(`not on hold: ${thrown}`);
  }
}
// #endregion hold

// #region dtmf
export async function pressKeys(call: Call): Promise<void> {
  await call.sendDtmf("1234#"); // within the media (RFC 4733) where both sides can, else by INFO
  await call.sendDtmf("5", { via: "info", duration: 200 });
  call.on("info", ({ dtmf }) => {
    if (dtmf) console.log(`the other side pressed ${dtmf.tone}`);
  });
}
// #endregion dtmf

// #region errors
export function explain(thrown: unknown): string {
  if (!(thrown instanceof OffhookError)) throw thrown;
  const { detail } = thrown;
  switch (detail.kind) {
    case "status":
      return detail.status === 486 ? "is on another call" : `refused: ${detail.status} ${detail.reason}`;
    case "authentication":
      return "wrong user name or password";
    case "timeout":
      return "no answer in time";
    case "transport":
      return "the server cannot be reached";
    case "media":
      return detail.problem === "denied" ? "please allow the microphone" : detail.message;
    case "input":
      return `${detail.field} is wrong at position ${detail.offset}: ${detail.message}`;
    default:
      return thrown.message;
  }
}
// #endregion errors

// #region history
export function tellHistory(call: Call): void {
  for (const { at, state, cause } of call.history) {
    console.log(`${new Date(at).toISOString()} ${state}: ${cause}`); // e.g. "… ringing: 180 Ringing"
  }
}
// #endregion history
