/** Signs in as the address of the page says and calls bob. Where it is, is told by the page's title. */
export async function callBob(UserAgent) {
  const query = new URLSearchParams(location.search);
  const agent = await UserAgent.connect({
    aor: query.get("aor"),
    server: query.get("server"),
    password: query.get("password"),
  });
  await agent.register();
  const call = await agent.call("bob");
  window.softphone = { calls: [call] };
  await call.established;
  document.title = "established";
  await call.ended;
  await agent.shutdown();
  document.title = "over";
}
