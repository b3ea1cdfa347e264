import { useEffect } from "react";
import type { Desk } from "../model/desk.js";
import { settings } from "../model/settings.js";

/**
 * Keys for who never leaves the keyboard. Those that are characters can be turned off (WCAG 2.1.4), and none is taken from
 * somebody who types, from a button with the focus, or from an open dialog.
 */
export function useShortcuts(desk: Desk): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (document.querySelector("dialog[open]")) return;
      const target = event.target instanceof Element ? event.target : null;
      const typing = target?.closest("input:not([type=checkbox], [type=range]), textarea, select");
      const [ringing] = desk.lines.ringing;
      if (event.key === "Escape") {
        if (ringing) void desk.reject(ringing);
        else if (desk.state.value.placing || desk.lines.current) void desk.hangup();
        return;
      }
      if (event.key === "Enter" && ringing) {
        if (target?.closest("button, summary, a, select") || (typing instanceof HTMLInputElement && typing.value !== "")) return;
        event.preventDefault();
        void desk.answer(ringing);
        return;
      }
      const { current } = desk.lines;
      if (typing || !settings.value.shortcuts || current?.state !== "established") return;
      if (/^[0-9*#]$/.test(event.key)) void desk.sendKey(event.key);
      else if (event.key === "m") desk.toggleMute();
      else if (event.key === "h") void desk.toggleHold();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [desk]);
}
