import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { OffhookError, UserAgent } from "../src/index.js";
import { FakeAgent, refusal } from "./fake-agent.js";
import type { Notification } from "../src/protocol.js";
import { at, connected, failure, failureKind, pending, settle } from "./setup.js";

const account = { aor: "sip:alice@example.com", server: "ws://example.com/ws" };

describe("connecting", () => {
  it("resolves when the first flow is up, not before", async () => {
    const agent = new FakeAgent();
    agent.manual.add("connect");
    const connecting = UserAgent.connect({ ...account, port: async () => agent });
    const command = await agent.command("connect");
    assert.ok(await pending(connecting));
    agent.notify({ type: "transport", state: "connected", message: null, at: 0 });
    agent.result(command);
    assert.equal((await connecting).state, "connected");
  });

  it("hands the agent its configuration and nothing else", async () => {
    const configs: object[] = [];
    await UserAgent.connect({
      ...account,
      password: "secret",
      connectTimeout: 10,
      media: {},
      port: async (config) => {
        configs.push(config);
        return new FakeAgent();
      },
    });
    assert.deepEqual(configs, [
      { ...account, password: "secret", connectTimeout: 10, infoPackages: ["trickle-ice"] },
    ]);
  });

  it("rejects with the transport's failure and closes the port", async () => {
    const agent = new FakeAgent();
    agent.manual.add("connect");
    const connecting = UserAgent.connect({ ...account, port: async () => agent });
    agent.refuse(await agent.command("connect"), { kind: "transport", message: "connection refused" });
    const error = await failure(connecting);
    assert.equal(error.kind, "transport");
    assert.equal(error.message, "connection refused");
    assert.ok(agent.closed);
  });

  it("rejects when the stated time has passed", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const agent = new FakeAgent();
      agent.manual.add("connect");
      const connecting = UserAgent.connect({ ...account, port: async () => agent });
      await agent.command("connect");
      mock.timers.tick(7999);
      assert.ok(await pending(connecting));
      mock.timers.tick(1);
      const error = await failure(connecting);
      assert.equal(error.kind, "timeout");
      assert.equal(error.message, "no connection to ws://example.com/ws within 8 s");
      assert.ok(agent.closed);
    } finally {
      mock.timers.reset();
    }
  });

  it("closes a port that opens too late", async () => {
    const controller = new AbortController();
    const agent = new FakeAgent();
    let open: (agent: FakeAgent) => void = () => undefined;
    const opening = new Promise<FakeAgent>((resolve) => (open = resolve));
    const connecting = UserAgent.connect({ ...account, port: () => opening, signal: controller.signal });
    controller.abort();
    assert.equal(await failureKind(connecting), "cancelled");
    open(agent);
    await settle();
    assert.ok(agent.closed);
  });

  it("can be aborted", async () => {
    const agent = new FakeAgent();
    agent.manual.add("connect");
    const controller = new AbortController();
    const connecting = UserAgent.connect({ ...account, port: async () => agent, signal: controller.signal });
    await agent.command("connect");
    controller.abort("changed my mind");
    const error = await failure(connecting);
    assert.equal(error.kind, "cancelled");
    assert.equal(error.cause, "changed my mind");
    assert.ok(agent.closed);
  });
});

describe("registering", () => {
  it("resolves with what the registrar granted", async () => {
    const { ua } = await connected();
    assert.deepEqual(await ua.register(), { expires: 300 });
  });

  it("rejects in words a person understands", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("register");
    const registering = ua.register();
    agent.refuse(await agent.command("register"), { kind: "authentication", status: 401, message: "" });
    const error = await failure(registering);
    assert.equal(error.message, "wrong user name or password (401 Unauthorized)");
    assert.equal(error.status, 401);
  });

  it("tells each change as a typed event", async () => {
    const { agent, ua } = await connected();
    const seen: (string | null)[] = [];
    const stop = ua.on("registration", ({ state, error }) => seen.push(state, error && error.message));
    agent.notify({ type: "registration", state: "registered", expires: 300, error: null, at: 0 });
    agent.notify({ type: "registration", state: "failed", expires: null, error: refusal(503, ""), at: 0 });
    assert.equal(ua.registration, "failed");
    stop();
    agent.notify({ type: "registration", state: "registered", expires: 300, error: null, at: 0 });
    assert.deepEqual(seen, ["registered", null, "failed", "503 Service Unavailable"]);
    assert.equal(ua.registration, "registered");
  });

  it("stops waiting when aborted", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("register");
    const controller = new AbortController();
    const registering = ua.register({ signal: controller.signal });
    controller.abort();
    assert.equal(await failureKind(registering), "cancelled");
  });
});

describe("incoming calls", () => {
  it("come as events", async () => {
    const { agent, ua } = await connected();
    const names: (string | null)[] = [];
    ua.addEventListener("incoming", ({ detail }) => names.push(detail.call.remote.displayName));
    agent.incoming(7);
    assert.deepEqual(names, ["Bob"]);
    assert.equal(ua.calls.length, 1);
  });

  it("wait for the loop that takes them, unless they have ended", async () => {
    const { agent, ua } = await connected();
    agent.incoming(7);
    agent.incoming(8);
    agent.ended(7, { status: 487 });
    const taken: string[] = [];
    const loop = (async () => {
      for await (const call of ua.incoming) taken.push(call.state);
    })();
    await settle();
    agent.incoming(9);
    await settle();
    assert.deepEqual(taken, ["ringing", "ringing"]);
    await ua.shutdown();
    await loop;
  });
});

describe("messages and options", () => {
  it("completes what a person types", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("message").add("options");
    const sending = ua.message("bob", "hello");
    const command = await agent.command("message");
    assert.deepEqual(command, {
      id: 2,
      type: "message",
      target: "sip:bob@example.com",
      contentType: "text/plain",
      body: "hello",
    });
    agent.result(command, { status: 202, reason: "Accepted" });
    assert.deepEqual(await sending, { status: 202, reason: "Accepted" });

    const asking = ua.options("+49 (30) 12-34");
    const options = await agent.command("options");
    assert.equal(options.target, "sip:+49301234@example.com");
    agent.refuse(options, refusal(404, "Not Found"));
    assert.equal((await failure(asking)).message, "404 Not Found");
  });

  it("delivers the messages of others", async () => {
    const { agent, ua } = await connected();
    const bodies: string[] = [];
    ua.on("message", ({ body }) => bodies.push(body), { once: true });
    const from = { displayName: null, uri: "sip:bob@example.com" };
    agent.notify({ type: "message", from, contentType: "text/plain", body: "one", at: 0 });
    agent.notify({ type: "message", from, contentType: "text/plain", body: "two", at: 0 });
    assert.deepEqual(bodies, ["one"]);
  });
});

describe("shutting down", () => {
  it("ends the calls, closes the port and refuses what comes later", async () => {
    const { agent, ua } = await connected();
    const call = await ua.call("bob");
    await ua.shutdown(100);
    assert.equal(at(agent.sent("shutdown"), 0).deadline, 100);
    assert.equal((await call.ended).by, "local");
    assert.equal(ua.state, "stopped");
    assert.ok(agent.closed);
    await ua.shutdown();
    assert.equal(agent.sent("shutdown").length, 1);
    const error = await failure(ua.register());
    assert.equal(error.message, "the user agent was shut down");
  });

  it("is done by the deadline even if the agent has died", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("shutdown");
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const down = ua.shutdown();
      await settle();
      mock.timers.tick(2500);
      await down;
      assert.equal(ua.state, "stopped");
    } finally {
      mock.timers.reset();
    }
  });

  it("ends everything when the agent stops by itself", async () => {
    const { agent, ua } = await connected();
    const call = await ua.call("bob");
    agent.manual.add("register");
    const registering = ua.register();
    agent.notify({ type: "stopped", at: 0 });
    assert.equal(await failureKind(registering), "cancelled");
    assert.equal((await call.ended).reason, "the user agent has stopped");
  });
});

describe("errors", () => {
  it("keep what was thrown by the port", async () => {
    const { agent, ua } = await connected();
    agent.send = () => {
      throw new TypeError("unreachable executed");
    };
    const error = await failure(ua.register());
    assert.equal(error.kind, "protocol");
    assert.ok(error.cause instanceof TypeError);
  });

  it("say each kind in words", () => {
    const words = (detail: ConstructorParameters<typeof OffhookError>[0]): string => new OffhookError(detail).message;
    assert.equal(
      words({ kind: "status", status: 486, reason: "Busy Here", cause: null, retryAfter: null, contacts: [] }),
      "486 Busy Here",
    );
    assert.equal(
      words({
        kind: "status",
        status: 503,
        reason: "",
        cause: { protocol: "Q.850", cause: 34, text: "no circuit" },
        retryAfter: null,
        contacts: [],
      }),
      "503 Service Unavailable (no circuit)",
    );
    assert.equal(words({ kind: "timeout", timer: "B" }), "no answer in time (Timer B)");
    assert.equal(words({ kind: "transport", message: "" }), "the connection to the server was lost");
    assert.equal(
      words({ kind: "input", field: "target", offset: 4, message: "no host" }),
      "target: no host (at position 4)",
    );
    assert.equal(words({ kind: "cancelled" }), "cancelled");
  });
});

describe("credentials", () => {
  const needed: Extract<Notification, { type: "credentialsNeeded" }> = {
    type: "credentialsNeeded",
    query: 7,
    realm: "example.com",
    proxy: false,
    schemes: ["Bearer"],
    algorithms: [],
    authzServer: "https://as.example.com",
    scope: null,
    why: "expired",
    at: 0,
  };

  async function asking(
    credentials: NonNullable<Parameters<typeof UserAgent.connect>[0]["credentials"]>,
  ): Promise<[FakeAgent, object]> {
    const agent = new FakeAgent();
    let config: object = {};
    const port = async (given: object): Promise<FakeAgent> => {
      config = given;
      return agent;
    };
    await UserAgent.connect({ ...account, credentials, port });
    return [agent, config];
  }

  it("are asked of the application when a server wants them", async () => {
    const requests: object[] = [];
    const [agent, config] = await asking(async (request) => {
      requests.push(request);
      return { token: "fresh" };
    });
    assert.deepEqual(config, { ...account, infoPackages: ["trickle-ice"], askCredentials: true });
    agent.notify(needed);
    const { id: _, ...command } = await agent.command("credentials");
    assert.deepEqual(command, { type: "credentials", query: 7, token: "fresh" });
    const { type: _type, query: _query, at: _at, ...request } = needed;
    assert.deepEqual(requests, [request]);
  });

  it("that cannot be had are declined", async () => {
    for (const credentials of [async () => null, () => Promise.reject(new Error("offline"))]) {
      const [agent] = await asking(credentials);
      agent.notify(needed);
      const { id: _, ...command } = await agent.command("credentials");
      assert.deepEqual(command, { type: "credentials", query: 7 });
    }
  });

  it("that cannot be sent are declined too", async () => {
    const [agent] = await asking(() => ({ token: "no token" }));
    agent.manual.add("credentials");
    agent.notify(needed);
    agent.refuse(await agent.command("credentials"), { kind: "input", field: "token", offset: 2, message: "x" });
    const { id: _, ...command } = await agent.command("credentials", 2);
    assert.deepEqual(command, { type: "credentials", query: 7 });
  });
});
