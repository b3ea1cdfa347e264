import JsSIP from "jssip";

const socket = new JsSIP.WebSocketInterface("wss://example.com/ws");
const agent = new JsSIP.UA({ sockets: [socket], uri: "sip:alice@example.com", password: "secret" });
agent.on("registered", () => {
  const call = agent.call("sip:bob@example.com", { mediaConstraints: { audio: true, video: false } });
  document.querySelector("button").onclick = () => call.terminate();
});
agent.start();
