import { UserAgent } from "offhook";

// #region servers
export async function connectToOneOfThree(password: string): Promise<UserAgent> {
  const ua = await UserAgent.connect({
    aor: "sip:alice@example.com",
    password,
    // Two share the load, two to one; the third is tried when neither can be reached.
    server: [
      { url: "wss://a.example.com", weight: 2 },
      { url: "wss://b.example.com", weight: 1 },
      "wss://spare.example.com",
    ],
    keepAlive: 30_000,
    pongTimeout: 10_000,
  });
  ua.on("transport", ({ state, message }) => console.log(state, message ?? ""));
  return ua;
}
// #endregion servers

// #region calls
export function tellWhatSurvives(ua: UserAgent): void {
  ua.on("incoming", ({ call }) => {
    call.on("recovered", () => console.log("the other side knows where we are now"));
    call.on("media", ({ state }) => console.log(`sound: ${state}`)); // "interrupted", then "connected" again
  });
}
// #endregion calls

// #region reload
export async function connectAfterReload(password: string): Promise<UserAgent> {
  const ua = await UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "wss://example.com/ws",
    password,
    keepCalls: true,
  });
  for (const call of ua.restored) await call.pickUp(); // opens the microphone and offers it in the same call
  return ua;
}
// #endregion reload

// #region token
export async function connectWithToken(fetchToken: () => Promise<string>): Promise<UserAgent> {
  return UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "wss://example.com/ws",
    // Asked whenever the server wants credentials that are missing or have run out.
    credentials: async () => ({ token: await fetchToken() }),
  });
}
// #endregion token
