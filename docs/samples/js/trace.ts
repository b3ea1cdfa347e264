import { UserAgent } from "offhook";
import { defineSipLadder } from "offhook/ladder";

// #region ladder
export async function connectAndShow(password: string): Promise<void> {
  const ua = await UserAgent.connect({ aor: "sip:alice@example.com", server: "wss://example.com/ws", password, trace: true });
  defineSipLadder();
  const ladder = document.createElement("sip-ladder");
  document.body.append(ladder);
  ua.on("trace", (message) => ladder.add(message));
  ladder.save("pcap"); // for Wireshark; passwords, tokens and keys are masked
}
// #endregion ladder
