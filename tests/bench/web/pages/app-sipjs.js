import { Inviter, Registerer, SessionState, UserAgent } from "sip.js";

const agent = new UserAgent({
  uri: UserAgent.makeURI("sip:alice@example.com"),
  transportOptions: { server: "wss://example.com/ws" },
  authorizationUsername: "alice",
  authorizationPassword: "secret",
});
await agent.start();
await new Registerer(agent).register();
const call = new Inviter(agent, UserAgent.makeURI("sip:bob@example.com"));
await call.invite();
document.querySelector("button").onclick = () =>
  call.state === SessionState.Established ? call.bye() : call.cancel();
