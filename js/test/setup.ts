import assert from "node:assert/strict";
import { type Call, type CallOptions, type ErrorDetail, OffhookError, UserAgent } from "../src/index.js";
import { FakeAgent } from "./fake-agent.js";
import { type FakeMedia, fakeMedia } from "./fake-media.js";

export interface World {
  agent: FakeAgent;
  ua: UserAgent;
  media: FakeMedia[];
}

/** A connected user agent on a scripted agent and fake media. */
export async function connected(prepare?: (media: FakeMedia) => void): Promise<World> {
  const agent = new FakeAgent();
  const media = fakeMedia(prepare);
  const ua = await UserAgent.connect({
    aor: "sip:alice@example.com",
    server: "ws://example.com/ws",
    port: async () => agent,
    media,
  });
  return { agent, ua, media: media.made };
}

export interface InCall extends World {
  call: Call;
  handler: FakeMedia;
}

/** The same, in an established outgoing call, whose number is 1. */
export async function inCall(options?: CallOptions): Promise<InCall> {
  const world = await connected();
  const call = await world.ua.call("bob", options);
  world.agent.establish(1);
  await call.established;
  return { ...world, call, handler: at(world.media, 0) };
}

export function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  assert.ok(item !== undefined, `there is no item ${index}`);
  return item;
}

/** The typed failure a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<OffhookError> {
  try {
    await promise;
  } catch (thrown) {
    assert.ok(thrown instanceof OffhookError, `an OffhookError, not ${String(thrown)}`);
    return thrown;
  }
  throw new assert.AssertionError({ message: "it should have been rejected" });
}

export async function failureKind(promise: Promise<unknown>): Promise<ErrorDetail["kind"]> {
  return (await failure(promise)).kind;
}

/** Lets everything that is ready run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is still open. */
export async function pending(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol();
  promise.catch(() => undefined);
  await settle();
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(open)])) === open;
}
