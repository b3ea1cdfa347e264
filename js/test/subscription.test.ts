import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Notification, SubscriptionEnd } from "../src/protocol.js";
import type { FakeAgent } from "./fake-agent.js";
import { refusal } from "./fake-agent.js";
import { connected, failure, failureKind, pending, settle } from "./setup.js";

type NoticeOf = Extract<Notification, { type: "notice" }>;

function notice(agent: FakeAgent, subscription: number, body: string, overrides: Partial<NoticeOf> = {}): void {
  const told = { package: "presence", state: "active", contentType: "text/plain", body, summary: null, at: 0 } as const;
  agent.notify({ type: "notice", subscription, ...told, ...overrides });
}

function ended(agent: FakeAgent, subscription: number, end: Partial<SubscriptionEnd> = {}): void {
  const whole: SubscriptionEnd = { by: "remote", reason: "noresource", retryAfter: null, error: null, ...end };
  agent.notify({ type: "subscriptionEnded", subscription, end: whole, at: 0 });
}

function asked(agent: FakeAgent, subscription: number): void {
  agent.notify({
    type: "incomingSubscription",
    subscription,
    call: null,
    from: { displayName: null, uri: "sip:bob@example.com" },
    to: { displayName: null, uri: "sip:alice@example.com" },
    package: "presence",
    event: "presence",
    expires: 600,
    contentType: "",
    body: "",
    headers: [],
    at: 0,
  });
}

describe("subscribing", () => {
  it("hands over what was asked for and nothing else", async () => {
    const { agent, ua } = await connected();
    await ua.subscribe("bob", "presence", { expires: 60, forks: false });
    const { id: _, ...command } = await agent.command("subscribe");
    assert.deepEqual(command, {
      type: "subscribe",
      target: "sip:bob@example.com",
      event: "presence",
      expires: 60,
      forks: false,
    });
  });

  it("is established by the first notification, not before", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "presence");
    const states: string[] = [];
    subscription.on("state", ({ state, expires }) => states.push(`${state} ${expires}`));
    agent.notify({ type: "subscription", subscription: 1, state: "active", expires: 600, cause: null, at: 0 });
    assert.ok(await pending(subscription.established));
    notice(agent, 1, "here");
    await subscription.established;
    assert.equal(subscription.state, "active");
    assert.equal(subscription.notice?.body, "here");
    assert.deepEqual(states, ["active 600"]);
  });

  it("misses nothing that is told before its number is known", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("subscribe");
    const subscribing = ua.subscribe("bob", "presence");
    agent.result(await agent.command("subscribe"), { subscription: 7 });
    notice(agent, 7, "here");
    assert.equal((await subscribing).notice?.body, "here");
  });

  it("gives its notifications one after the other, and ends them with itself", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "presence");
    notice(agent, 1, "one");
    notice(agent, 1, "two");
    ended(agent, 1);
    const bodies: string[] = [];
    for await (const { body } of subscription.notices) bodies.push(body);
    assert.deepEqual(bodies, ["one", "two"]);
    assert.equal((await subscription.ended).reason, "noresource");
  });

  it("rejects what is refused", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "presence");
    ended(agent, 1, { error: refusal(489, "Bad Event") });
    const error = await failure(subscription.established);
    assert.deepEqual([error.kind, error.status], ["status", 489]);
    agent.manual.add("subscribe");
    const second = ua.subscribe("bob", "presence");
    const message = "too many subscriptions";
    agent.refuse(await agent.command("subscribe", 2), { kind: "limit", message });
    assert.equal(await failureKind(second), "limit");
  });

  it("tells of forks, each a subscription of its own", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "dialog");
    const bodies: string[] = [];
    subscription.on("forked", ({ subscription: fork }) => fork.on("notice", ({ body }) => bodies.push(body)));
    agent.notify({ type: "forked", subscription: 1, fork: 2, at: 0 });
    notice(agent, 2, "elsewhere");
    assert.deepEqual(bodies, ["elsewhere"]);
    assert.equal(subscription.notice, null);
  });

  it("ends once, however often that is asked", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "presence");
    const ending = subscription.unsubscribe();
    ended(agent, 1, { by: "local", reason: "unsubscribed" });
    await ending;
    await subscription.unsubscribe();
    assert.equal(agent.sent("unsubscribe").length, 1);
  });

  it("asks for the state again", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "dialog");
    await subscription.refresh();
    assert.equal(agent.sent("refreshSubscription")[0]?.subscription, 1);
  });

  it("is given up by its signal until a notification has come", async () => {
    const { agent, ua } = await connected();
    const controller = new AbortController();
    const subscription = await ua.subscribe("bob", "presence", { signal: controller.signal });
    controller.abort();
    assert.equal(await failureKind(subscription.established), "cancelled");
    assert.equal(agent.sent("unsubscribe").length, 1);
    const later = new AbortController();
    const second = await ua.subscribe("bob", "presence", { signal: later.signal });
    notice(agent, 2, "here");
    await second.established;
    await settle();
    later.abort();
    assert.equal(agent.sent("unsubscribe").length, 1);
  });

  it("ends with the agent", async () => {
    const { agent, ua } = await connected();
    const subscription = await ua.subscribe("bob", "presence");
    agent.notify({ type: "stopped", at: 0 });
    assert.equal((await subscription.ended).by, "local");
    assert.equal(await failureKind(subscription.established), "cancelled");
  });
});

describe("subscriptions of others", () => {
  it("come by event and by iteration, and are accepted, notified and ended", async () => {
    const { agent, ua } = await connected();
    const seen: string[] = [];
    ua.on("incomingSubscription", ({ subscription }) => seen.push(subscription.from.uri));
    asked(agent, 1);
    assert.deepEqual(seen, ["sip:bob@example.com"]);
    for await (const subscription of ua.incomingSubscriptions) {
      assert.deepEqual([subscription.package, subscription.expires], ["presence", 600]);
      await subscription.accept({ expires: 60, contentType: "text/plain", body: "here" });
      await subscription.notify("text/plain", "away");
      agent.notify({ type: "subscription", subscription: 1, state: "active", expires: 60, cause: null, at: 0 });
      const times: number[] = [];
      subscription.on("refreshed", ({ expires }) => times.push(expires));
      agent.notify({ type: "refreshed", subscription: 1, expires: 90, at: 0 });
      assert.deepEqual([subscription.state, times], ["active", [90]]);
      await subscription.terminate("giveup", { retryAfter: 5 });
      ended(agent, 1, { by: "local", reason: "giveup" });
      assert.equal((await subscription.ended).reason, "giveup");
      await subscription.terminate();
      break;
    }
    const commands = agent.commands.slice(1).map(({ id: _, ...command }) => command);
    assert.deepEqual(commands, [
      { type: "acceptSubscription", subscription: 1, expires: 60, contentType: "text/plain", body: "here" },
      { type: "notify", subscription: 1, contentType: "text/plain", body: "away" },
      { type: "terminateSubscription", subscription: 1, reason: "giveup", retryAfter: 5 },
    ]);
  });

  it("are rejected", async () => {
    const { agent, ua } = await connected();
    let rejected: Promise<void> | null = null;
    ua.on("incomingSubscription", ({ subscription }) => (rejected = subscription.reject(403, "Not you")));
    asked(agent, 1);
    await rejected;
    const { id: _, ...command } = await agent.command("rejectSubscription");
    assert.deepEqual(command, { type: "rejectSubscription", subscription: 1, status: 403, reason: "Not you" });
  });

  it("end their iteration with the agent", async () => {
    const { agent, ua } = await connected();
    asked(agent, 1);
    agent.notify({ type: "stopped", at: 0 });
    let count = 0;
    for await (const subscription of ua.incomingSubscriptions) {
      assert.equal(subscription.state, "terminated");
      count++;
    }
    assert.equal(count, 1);
  });
});

describe("what nobody subscribed to", () => {
  it("is told with its summary", async () => {
    const { agent, ua } = await connected();
    const waiting: (number | undefined)[] = [];
    ua.on("unsolicited", ({ summary }) => waiting.push(summary?.counts[0]?.new));
    agent.notify({
      type: "unsolicited",
      from: { displayName: null, uri: "sip:pbx@example.com" },
      package: "message-summary",
      contentType: "application/simple-message-summary",
      body: "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n",
      summary: { waiting: true, account: null, counts: [{ class: "Voice-Message", new: 2, old: 8 }] },
      at: 0,
    });
    assert.deepEqual(waiting, [2]);
  });
});

describe("publishing", () => {
  it("resolves when the server has it, and tells what becomes of it", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("publish");
    const publishing = ua.publish("presence", "text/plain", "here", { expires: 60 });
    assert.ok(await pending(publishing));
    const { id, ...command } = await agent.command("publish");
    assert.deepEqual(command, { type: "publish", event: "presence", contentType: "text/plain", body: "here", expires: 60 });
    const at = 0;
    agent.notify({ type: "publication", publication: 3, state: "published", expires: 60, error: null, at });
    agent.onNotification({ type: "result", id, value: { publication: 3, expires: 60 } });
    const publication = await publishing;
    assert.deepEqual([publication.state, publication.expires], ["published", 60]);
    const states: (string | undefined)[] = [];
    publication.on("state", ({ state, error }) => states.push(state, error?.message));
    agent.notify({ type: "publication", publication: 3, state: "lost", expires: null, error: refusal(503, ""), at });
    agent.notify({ type: "publication", publication: 3, state: "published", expires: 90, error: null, at });
    assert.deepEqual(states, ["lost", "503 Service Unavailable", "published", undefined]);
    assert.equal(publication.expires, 90);
    await publication.update("text/plain", "away");
    const removing = publication.remove();
    agent.notify({ type: "publication", publication: 3, state: "ended", expires: null, error: null, at });
    await removing;
    assert.equal(await publication.ended, null);
    await publication.remove();
    assert.equal(agent.sent("removePublication").length, 1);
    assert.equal(agent.sent("updatePublication")[0]?.body, "away");
  });

  it("rejects what is refused", async () => {
    const { agent, ua } = await connected();
    agent.manual.add("publish");
    const publishing = ua.publish("presence", "text/plain", "here");
    agent.refuse(await agent.command("publish"), refusal(489, "Bad Event"));
    assert.equal((await failure(publishing)).status, 489);
  });

  it("ends with the agent", async () => {
    const { agent, ua } = await connected();
    const publication = await ua.publish("presence", "text/plain", "here");
    agent.notify({ type: "stopped", at: 0 });
    assert.equal(await publication.ended, null);
    assert.equal(publication.state, "ended");
  });
});
