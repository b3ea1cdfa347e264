import { UserAgent } from "offhook";

const agent = await UserAgent.connect({
  aor: "sip:alice@offhook.test",
  server: "ws://127.0.0.1:8080/ws",
  password: "alice-secret",
});
await agent.register();

// Asks for the microphone, and plays what comes back.
const call = await agent.call("bob");
await call.established;
console.log(`talking to ${call.remote.uri}`);

await call.hangup();
await agent.shutdown();
