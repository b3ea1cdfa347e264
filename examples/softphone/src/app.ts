/**
 * The softphone. The address may carry `?aor=…&password=…&server=…` to fill the form in, and `&autoregister` to sign in
 * at once, so that two tabs are two phones in no time.
 */
import { OffhookError, type RegistrationState, UserAgent, type UserAgentState } from "offhook";
import { defineSipLadder } from "offhook/ladder";
import { button, byId, input, setText } from "./dom.js";
import { Phone } from "./phone.js";
import { PhoneView } from "./view.js";
import { problem } from "./words.js";

declare global {
  interface Window {
    /** For the console and for tests. */
    softphone: { readonly userAgent: UserAgent | null; readonly calls: Phone["calls"] };
  }
}

const TRANSPORT: Record<UserAgentState | "none", string> = {
  none: "Not connected",
  connecting: "Connecting…",
  connected: "Connected",
  disconnected: "Connection lost, reconnecting…",
  stopped: "Not connected",
};

const REGISTRATION: Record<RegistrationState, string> = {
  registering: "Registering…",
  registered: "Registered",
  unregistered: "Not registered",
  failed: "Registration failed",
};

const REMEMBERED = "offhook-softphone-aor";

defineSipLadder();
const view = new PhoneView();
const ladder = document.querySelector("sip-ladder");
let phone: Phone | null = null;

window.softphone = {
  get userAgent() {
    return phone?.userAgent ?? null;
  },
  get calls() {
    return phone?.calls ?? [];
  },
};

const query = new URLSearchParams(location.search);
input("aor").value = query.get("aor") ?? localStorage.getItem(REMEMBERED) ?? "";
input("password").value = query.get("password") ?? "";
input("server").value = query.get("server") ?? `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
byId("ladder-box", HTMLDetailsElement).open = matchMedia("(min-width: 60rem)").matches;
showForm();

byId("sign-in-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn();
});
button("sign-out").addEventListener("click", () => void signOut());
addEventListener("pagehide", () => void phone?.userAgent.shutdown(200));
if (query.has("autoregister") && input("aor").value) void signIn();

/** `alice` is somebody of the server this page came from. */
function addressOfRecord(typed: string): string {
  const address = typed.trim().replace(/^sips?:/i, "");
  return `sip:${address.includes("@") ? address : `${address}@${location.hostname}`}`;
}

async function signIn(): Promise<void> {
  showError(null, null);
  showTransport("connecting");
  button("sign-in").disabled = true;
  const aor = addressOfRecord(input("aor").value);
  const password = input("password").value;
  let userAgent: UserAgent | null = null;
  try {
    userAgent = await UserAgent.connect({
      aor,
      server: input("server").value.trim(),
      ...(password === "" ? {} : { password }),
      trace: true,
    });
    follow(userAgent);
    const created = new Phone(userAgent, draw, showError);
    await userAgent.register();
    localStorage.setItem(REMEMBERED, input("aor").value.trim());
    input("password").value = "";
    showPhone(created);
  } catch (thrown) {
    await userAgent?.shutdown(500);
    showTransport("none");
    showError("Could not sign in", thrown);
    input(thrown instanceof OffhookError && thrown.kind === "authentication" ? "password" : "aor").focus();
  } finally {
    button("sign-in").disabled = false;
  }
}

async function signOut(): Promise<void> {
  const leaving = phone;
  if (!leaving) return;
  button("sign-out").disabled = true;
  await leaving.userAgent.shutdown();
  button("sign-out").disabled = false;
  showError(null, null);
  showForm();
}

/** Shows what the user agent says of itself. */
function follow(userAgent: UserAgent): void {
  ladder?.clear();
  showTransport(userAgent.state);
  userAgent.on("transport", ({ state }) => showTransport(state));
  userAgent.on("registration", ({ state, error }) => showRegistration(state, error));
  userAgent.on("trace", (message) => ladder?.add(message));
  userAgent.on("stopped", () => {
    showTransport("stopped");
    showRegistration("unregistered", null);
  });
}

function showForm(): void {
  phone = null;
  view.show(null);
  byId("sign-in-form", HTMLElement).hidden = false;
  byId("phone", HTMLElement).hidden = true;
  byId("ladder-box", HTMLElement).hidden = true;
  byId("account", HTMLElement).hidden = true;
  input(input("aor").value === "" ? "aor" : "password").focus();
}

function showPhone(shown: Phone): void {
  phone = shown;
  byId("sign-in-form", HTMLElement).hidden = true;
  byId("phone", HTMLElement).hidden = false;
  byId("ladder-box", HTMLElement).hidden = false;
  byId("account", HTMLElement).hidden = false;
  setText(byId("who", HTMLElement), shown.userAgent.aor.replace(/^sip:/, ""));
  input("dial-input").focus();
  view.show(shown);
  draw();
}

/** The ladder shows the call in front, or everything as long as there was none. */
function draw(): void {
  view.draw();
  const call = phone?.ringing[0] ?? phone?.current ?? null;
  if (ladder) ladder.callId = call?.callId ?? null;
  setText(byId("ladder-scope", HTMLElement), call ? "of this call" : "");
}

function showTransport(state: UserAgentState | "none"): void {
  const lamp = byId("transport-state", HTMLElement);
  lamp.dataset["state"] = state;
  setText(lamp, TRANSPORT[state]);
}

function showRegistration(state: RegistrationState, error: OffhookError | null): void {
  const lamp = byId("registration-state", HTMLElement);
  lamp.dataset["state"] = state;
  setText(lamp, REGISTRATION[state] + (state === "failed" && error ? `: ${error.message}` : ""));
}

/** Says what went wrong, or takes it back. */
function showError(what: string | null, thrown: unknown): void {
  const region = byId("error", HTMLElement);
  region.hidden = what === null;
  setText(region, what === null ? "" : problem(what, thrown));
}
