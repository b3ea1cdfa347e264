/** Drawn on 24 by 24, by strokes of 1.75 unless filled. */
const STROKES = {
  call: "M5 4.5h3.2l1.7 4.3-2.2 1.6a12 12 0 0 0 5.9 5.9l1.6-2.2 4.3 1.7V19a1.8 1.8 0 0 1-2 1.8A16.4 16.4 0 0 1 3.2 6.5 1.8 1.8 0 0 1 5 4.5Z",
  mic: "M12 15a3.3 3.3 0 0 0 3.3-3.3V6.3a3.3 3.3 0 0 0-6.6 0v5.4A3.3 3.3 0 0 0 12 15ZM5.8 11.4a6.2 6.2 0 0 0 12.4 0M12 17.6V21",
  "mic-off": "M15.3 11V6.3a3.3 3.3 0 0 0-6.4-1.1M8.7 9v2.7a3.3 3.3 0 0 0 4.9 2.9M5.8 11.4a6.2 6.2 0 0 0 10 4.9M18.2 11.4a6 6 0 0 1-.6 2.6M12 17.6V21M4 4l16 16",
  hold: "M9 5.5v13M15 5.5v13",
  resume: "M8 5.2v13.6L18.6 12Z",
  keypad: "M6 6h.01M12 6h.01M18 6h.01M6 12h.01M12 12h.01M18 12h.01M6 18h.01M12 18h.01M18 18h.01",
  transfer: "M4 12h13M12.5 6.5 18 12l-5.5 5.5M20.5 5v14",
  merge: "M6 4v3.5A4.5 4.5 0 0 0 10.5 12H12m6-8v3.5a4.5 4.5 0 0 1-4.5 4.5H12v8m-3-3 3 3 3-3",
  split: "M12 20v-8m0 0a6 6 0 0 1-6-6V4m6 8a6 6 0 0 0 6-6V4M3.5 6.5 6 4l2.5 2.5m7 0L18 4l2.5 2.5",
  swap: "M7 4 3.5 7.5 7 11M4 7.5h13a3 3 0 0 1 3 3M17 20l3.5-3.5L17 13m3 3.5H7a3 3 0 0 1-3-3",
  record: "M12 12h.01M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z",
  audio: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  camera: "M4 7.5h10.5v9H4ZM14.5 11 20 7.8v8.4L14.5 13",
  screen: "M4 5h16v10.5H4ZM9 19.5h6M12 15.5v4M12 12.5V8m-2.2 2.2L12 8l2.2 2.2",
  contacts: "M9.5 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3 19.5a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18.5 14.5a6.5 6.5 0 0 1 2.5 5",
  history: "M3.8 12a8.2 8.2 0 1 0 2.6-6L3.8 8.4M3.8 4v4.4h4.4M12 7.5V12l3 2",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  echo: "M12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM7.5 16.5a6.4 6.4 0 0 1 0-9M16.5 7.5a6.4 6.4 0 0 1 0 9M4.5 19.5a10.6 10.6 0 0 1 0-15M19.5 4.5a10.6 10.6 0 0 1 0 15",
  incoming: "M17.5 6.5 7 17M7 9v8h8",
  outgoing: "M6.5 17.5 17 7M9 7h8v8",
  missed: "M4 8.5 11 15.5l9-9M4 14V8.5h5.5",
  close: "M6 6l12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
  trash: "M5 7h14M10 7V4.5h4V7m-7.5 0 .9 12.5h9.2L17.5 7",
  voicemail: "M6.5 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm11 0a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-11 0h11",
  out: "M14 8V5H5v14h9v-3M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5",
  backspace: "M9 6h11v12H9l-5.5-6ZM12 9.8l4.4 4.4m0-4.4L12 14.2",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20a7.5 7.5 0 0 1 15 0",
  save: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M4.5 19.5h15",
  pickup: "M12 3v7m-3-3 3 3 3-3M4 15c4-4 12-4 16 0v2.5l-4.5-.8v-2.3c-2.2-.8-4.8-.8-7 0v2.3L4 17.5Z",
} as const;

export type IconName = keyof typeof STROKES | "hangup";

/** A picture that says nothing to a screen reader: words stand beside it, or in a label. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const thick = name === "keypad" || name === "record";
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path
        d={STROKES[name === "hangup" ? "call" : name]}
        fill="none"
        stroke="currentColor"
        strokeWidth={thick ? 2.6 : 1.75}
        strokeLinecap="round"
        strokeLinejoin="round"
        {...(name === "hangup" ? { transform: "rotate(135 12 12)" } : {})}
      />
    </svg>
  );
}
