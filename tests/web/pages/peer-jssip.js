// A phone made with JsSIP, for tests: `window.peer` is driven from outside.
import JsSIP from "jssip";

const query = new URLSearchParams(location.search);
const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(query.get("server"))],
  uri: query.get("aor"),
  password: query.get("password"),
});
const media = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
const happens = (target, name, failure) =>
  new Promise((resolve, reject) => {
    target.once(name, resolve);
    if (failure) target.once(failure, (event) => reject(new Error(`${failure}: ${event?.cause}`)));
  });
let session = null;
let other = null;
let rings = happens(ua, "newRTCSession");

function use(made) {
  session = made;
  const play = (connection) =>
    connection.addEventListener("track", ({ streams }) => (document.querySelector("audio").srcObject = streams[0]));
  if (made.connection) play(made.connection);
  made.on("peerconnection", ({ peerconnection }) => play(peerconnection));
  made.over = happens(made, "ended").then((event) => event.cause);
  made.heldBy = new Set();
  made.on("hold", ({ originator }) => made.heldBy.add(originator));
  made.on("unhold", ({ originator }) => made.heldBy.delete(originator));
}
ua.on("newRTCSession", ({ session: made, originator }) => {
  if (originator === "local") return;
  if (session && !session.isEnded()) other = session;
  use(made);
});

window.peer = {
  async register() {
    ua.start();
    await happens(ua, "registered", "registrationFailed");
  },
  async call(target) {
    const made = ua.call(target, media);
    use(made);
    await happens(made, "confirmed", "failed");
  },
  async answer() {
    await rings;
    const confirmed = happens(session, "confirmed", "failed");
    session.answer(media);
    await confirmed;
  },
  hold: () => new Promise((resolve, reject) => session.hold({}, resolve) || reject(new Error("not now"))),
  resume: () => new Promise((resolve, reject) => session.unhold({}, resolve) || reject(new Error("not now"))),
  held: () => session.isOnHold().remote,
  /** Resolves when the other side has called the target. */
  transfer: (target) =>
    new Promise((resolve, reject) =>
      session.refer(target, {
        eventHandlers: { accepted: () => resolve(), failed: ({ message }) => reject(new Error(message?.status_code)) },
      }),
    ),
  /** Follows a transfer that the other side asks for; resolves when the new call is up. */
  followTransfer() {
    const asked = session;
    return new Promise((resolve, reject) =>
      asked.once("refer", ({ accept }) => {
        accept((made) => {
          use(made);
          made.once("confirmed", () => resolve());
          made.once("failed", ({ cause }) => reject(new Error(cause)));
        }, media);
      }),
    );
  },
  hangup: () => session.terminate(),
  over: () => session.over,
  connection: () => session.connection,
};
