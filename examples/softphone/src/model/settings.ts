import { kept } from "./store.js";

export type Theme = "system" | "light" | "dark";
export type Status = "available" | "away" | "dnd";

export interface Settings {
  theme: Theme;
  /** Ids of devices; empty: the usual one. */
  microphone: string;
  speaker: string;
  /** From 0 to 1. */
  ringVolume: number;
  notify: boolean;
  /** Single keys do something: M, H, and the keys of the keypad in a call. */
  shortcuts: boolean;
  callWaiting: boolean;
  /** Who may see whether we are there, and on the phone. */
  presence: "nobody" | "contacts" | "everybody";
  /** They may pick up what rings here. */
  pickup: boolean;
  status: Status;
}

/** What this browser is set to. */
export const settings = kept<Settings>("offhook-phone-settings", {
  theme: "system",
  microphone: "",
  speaker: "",
  ringVolume: 0.7,
  notify: false,
  shortcuts: true,
  callWaiting: true,
  presence: "contacts",
  pickup: false,
  status: "available",
});

/** Colours by the system, unless chosen otherwise. */
export function applyTheme(): void {
  const { theme } = settings.value;
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
settings.subscribe(applyTheme);
