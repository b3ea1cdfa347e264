// A phone made with SIP.js, for tests: `window.peer` is driven from outside.
import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";

const query = new URLSearchParams(location.search);
const [, user] = /^sip:([^@]+)@/.exec(query.get("aor"));
const uri = UserAgent.makeURI(query.get("aor"));
let session = null;
let ring = null;
const rings = new Promise((resolve) => (ring = resolve));
let transferred = null;

const ua = new UserAgent({
  uri,
  authorizationUsername: user,
  authorizationPassword: query.get("password"),
  transportOptions: { server: query.get("server") },
  logLevel: "error",
  delegate: {
    onInvite(invitation) {
      use(invitation);
      ring();
    },
  },
});

function use(made) {
  session = made;
  made.held = false;
  made.over = reaches(made, SessionState.Terminated);
  made.delegate = {
    onInvite: (request) => (made.held = /a=(sendonly|inactive)/.test(request.body)),
    onRefer(referral) {
      const inviter = referral.makeInviter({ sessionDescriptionHandlerOptions });
      referral.accept().then(() => {
        use(inviter);
        const up = reaches(inviter, SessionState.Established);
        inviter.invite();
        up.then(() => {
          play();
          transferred?.();
        });
      });
    },
  };
}

const sessionDescriptionHandlerOptions = { constraints: { audio: true, video: false } };

function reaches(made, state) {
  return new Promise((resolve, reject) => {
    const check = (now) => {
      if (now === state) resolve();
      else if (now === SessionState.Terminated) reject(new Error("terminated"));
    };
    made.stateChange.addListener(check);
    check(made.state);
  });
}

function play() {
  const stream = session.sessionDescriptionHandler.remoteMediaStream;
  document.querySelector("audio").srcObject = stream;
}

async function reinvite(hold) {
  await new Promise((resolve, reject) =>
    session.invite({
      sessionDescriptionHandlerOptions: { ...sessionDescriptionHandlerOptions, hold },
      sessionDescriptionHandlerModifiers: [],
      requestDelegate: { onAccept: resolve, onReject: ({ message }) => reject(new Error(message.statusCode)) },
    }),
  );
}

window.peer = {
  async register() {
    await ua.start();
    const registerer = new Registerer(ua);
    const done = new Promise((resolve) =>
      registerer.stateChange.addListener((state) => state === RegistererState.Registered && resolve()),
    );
    await registerer.register();
    await done;
  },
  async call(target) {
    const inviter = new Inviter(ua, UserAgent.makeURI(target), { sessionDescriptionHandlerOptions });
    use(inviter);
    const up = reaches(inviter, SessionState.Established);
    await inviter.invite();
    await up;
    play();
  },
  async answer() {
    await rings;
    const up = reaches(session, SessionState.Established);
    await session.accept({ sessionDescriptionHandlerOptions });
    await up;
    play();
  },
  hold: () => reinvite(true),
  resume: () => reinvite(false),
  held: () => session.held,
  async transfer(target) {
    await new Promise((resolve, reject) =>
      session.refer(UserAgent.makeURI(target), {
        requestDelegate: { onAccept: resolve, onReject: ({ message }) => reject(new Error(message.statusCode)) },
        onNotify: (notification) => notification.accept(),
      }),
    );
  },
  followTransfer: () => new Promise((resolve) => (transferred = resolve)),
  hangup: () => session.bye(),
  over: () => session.over,
  connection: () => session.sessionDescriptionHandler.peerConnection,
};
