import type { Call, UserAgent } from "offhook";

// #region blind
export async function transferBlind(call: Call): Promise<void> {
  const transfer = await call.transfer("carol");
  for await (const { status, reason } of transfer.progress) console.log(`carol: ${status} ${reason}`);
  const outcome = await transfer.done; // the new call is answered; ours has ended
  console.log(`transferred: ${outcome.status}`);
}
// #endregion blind

// #region attended
export async function transferAttended(ua: UserAgent, customer: Call): Promise<void> {
  await customer.hold();
  const colleague = await ua.call("carol");
  await colleague.established; // ask her first
  const transfer = await customer.transferTo(colleague);
  await transfer.done; // the two are connected, both of our calls are over
}
// #endregion attended

// #region later
export async function transferAndGoOn(call: Call): Promise<void> {
  const transfer = await call.transfer("carol");
  await transfer.accepted; // the other side will try; nothing more is known yet
  transfer.done.then(
    ({ status }) => console.log(`carol answered: ${status}`),
    (error) => console.log(`back to us: ${error}`), // the call with us goes on
  );
}
// #endregion later

// #region consent
export function followTransfers(call: Call): void {
  // Without a listener every request is refused: nobody is called without consent.
  call.onTransferRequest(async (request) => {
    if (!confirm(`${request.from.uri} sends you to ${request.target.uri}. Go there?`)) {
      await request.reject();
      return;
    }
    const next = await request.accept();
    await next.established; // the other side is told by itself
  });
}
// #endregion consent
