import { UserAgent } from "offhook";

const ua = await UserAgent.connect({
  aor: "sip:alice@example.com",
  server: "wss://example.com/ws",
  password: "secret",
});
await ua.register();

const button = document.createElement("button");
button.textContent = "Call bob";
document.body.append(button);

button.onclick = async () => {
  // Asks for the microphone; what comes back plays by itself.
  const call = await ua.call("bob");
  call.on("state", ({ state }) => (document.title = state));
  await call.established;
  button.textContent = `Hang up on ${call.identity.shown.uri}`;
  button.onclick = () => call.hangup();
};

ua.on("incoming", async ({ call }) => {
  await call.ring();
  if (confirm(`${call.identity.shown.uri} calls. Answer?`)) await call.answer();
  else await call.reject(486);
});
