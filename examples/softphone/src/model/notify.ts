import type { Call } from "offhook";
import { settings } from "./settings.js";

/** Whether the browser can show something beside the page. */
export const canNotify = "Notification" in globalThis;

/** Asks the person; whether they allow it. */
export async function askToNotify(): Promise<boolean> {
  return canNotify && (await Notification.requestPermission()) === "granted";
}

/** Tells of a call while nobody looks at the page, until it rings no more. */
export function notifyOf(call: Call, name: string): void {
  if (!canNotify || !settings.value.notify || Notification.permission !== "granted" || !document.hidden) return;
  let shown: Notification;
  try {
    shown = new Notification(`${name} is calling`, {
      body: "Click to see the call.",
      icon: "icon.svg",
      tag: call.callId,
      requireInteraction: true,
    });
  } catch {
    return; // Chrome on Android takes them from service workers alone.
  }
  shown.addEventListener("click", () => {
    window.focus();
    shown.close();
  });
  const close = (): void => shown.close();
  call.on("state", close, { once: true });
  call.on("ended", close, { once: true });
}
