import { UserAgent } from "/node_modules/offhook/dist/index.js";
import { defineSipLadder } from "/node_modules/offhook/dist/ladder.js";
import { callBob } from "./call-bob.js";

window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  window.violations.push(`${violatedDirective} ${blockedURI}`),
);
defineSipLadder();
const ladder = document.querySelector("sip-ladder");
await callBob({
  connect: async (options) => {
    const agent = await UserAgent.connect({ ...options, trace: true });
    agent.on("trace", (message) => ladder.add(message));
    return agent;
  },
});
