import { SDP } from "./wire.js";
import { Inviter, SessionState, UserAgent } from "sip.js";
import { Parser } from "sip.js/lib/core/messages/parser.js";

/** Media that are always there. */
const sessionDescriptionHandlerFactory = () => ({
  close() {},
  hasDescription: (type) => type === "application/sdp",
  getDescription: async () => ({ body: SDP, contentType: "application/sdp" }),
  setDescription: async () => undefined,
  sendDtmf: () => false,
});

let agents = null;
const reaches = (session, wanted) =>
  new Promise((resolve) => session.stateChange.addListener((state) => state === wanted && resolve()));

function agent(user, delegate = {}) {
  return new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@wire.test`),
    contactName: user,
    transportOptions: { server: `ws://wire.test/${user}` },
    sessionDescriptionHandlerFactory,
    logBuiltinEnabled: false,
    logLevel: "error",
    delegate,
  });
}

globalThis.subject = {
  async prepare() {
    const alice = agent("alice");
    const bob = agent("bob", {
      onInvite: (session) => {
        agents.called(reaches(session, SessionState.Terminated));
        void session.accept();
      },
    });
    agents = { alice, bob, called: () => undefined };
    await Promise.all([alice.start(), bob.start()]);
  },
  async call() {
    const called = new Promise((resolve) => (agents.called = (over) => resolve({ over })));
    const session = new Inviter(agents.alice, UserAgent.makeURI("sip:bob@wire.test"));
    const established = reaches(session, SessionState.Established);
    await session.invite();
    await established;
    await session.bye();
    await (await called).over;
  },
  parse(text) {
    const message = Parser.parseMessage(text, agents.alice.getLogger("bench"));
    const { viaBranch, fromTag, to, callId, cseq } = message;
    return viaBranch.length + fromTag.length + to.uri.toString().length + callId.length + cseq + message.parseHeader("contact", 0).uri.user.length;
  },
  wasmBytes: () => 0,
};
