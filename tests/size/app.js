// What an app loads that registers, calls and hangs up.
import { UserAgent } from "offhook";

const agent = await UserAgent.connect({ aor: "sip:alice@example.com", server: "wss://example.com/ws", password: "secret" });
await agent.register();
const call = await agent.call("bob");
await call.established;
await call.hangup();
