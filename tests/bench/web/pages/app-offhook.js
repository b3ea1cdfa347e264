import { UserAgent } from "offhook";

const agent = await UserAgent.connect({ aor: "sip:alice@example.com", server: "wss://example.com/ws", password: "secret" });
await agent.register();
const call = await agent.call("bob");
document.querySelector("button").onclick = () => call.hangup();
