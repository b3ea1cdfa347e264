import { UserAgent } from "offhook";

// #region subscribe
export async function watchBob(ua: UserAgent): Promise<void> {
  const subscription = await ua.subscribe("bob", "presence");
  for await (const { contentType, body } of subscription.notices) console.log(contentType, body);
  const { reason } = await subscription.ended;
  console.log(`no more news: ${reason}`);
}
// #endregion subscribe

// #region voicemail
export async function watchVoicemail(ua: UserAgent): Promise<void> {
  const subscription = await ua.subscribe("alice", "message-summary");
  subscription.on("notice", ({ summary }) => {
    if (summary) console.log(summary.waiting ? "there are messages" : "no messages");
  });
}
// #endregion voicemail

// #region publish
export async function publishPresence(ua: UserAgent, pidf: string): Promise<void> {
  const publication = await ua.publish("presence", "application/pidf+xml", pidf);
  await publication.remove(); // refreshed by itself until then
}
// #endregion publish

// #region message
export async function sayHello(ua: UserAgent): Promise<void> {
  const { status } = await ua.message("bob", "hello");
  console.log(status);
  ua.on("message", ({ from, body }) => console.log(`${from.uri}: ${body}`));
}
// #endregion message
