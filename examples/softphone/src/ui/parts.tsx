import { type ReactNode, useEffect, useRef } from "react";
import { initials } from "../model/words.js";
import { Icon, type IconName } from "./icons.js";

/** A round button with its word below: what one does in a call. */
export function Control(props: {
  icon: IconName;
  label: string;
  testId?: string;
  pressed?: boolean;
  disabled?: boolean;
  tone?: "stop" | "go" | "alert";
  onPress: () => void;
}) {
  const { icon, label, testId, pressed, disabled = false, tone, onPress } = props;
  return (
    <button
      type="button"
      className={`control ${tone ?? ""}`}
      data-testid={testId}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onPress}
    >
      <span className="disc">
        <Icon name={icon} size={24} />
      </span>
      <span className="word">{label}</span>
    </button>
  );
}

/** The letters of somebody, on a colour of their own. */
export function Avatar({ name, size = "small", level = 0 }: { name: string; size?: "small" | "large"; level?: number }) {
  return (
    <span className={`avatar ${size} hue-${hueOf(name)}`} aria-hidden="true">
      {size === "large" && <span className="halo" style={{ transform: `scale(${1 + level * 0.55})`, opacity: level > 0 ? 0.5 : 0 }} />}
      <span className="letters">{initials(name)}</span>
    </span>
  );
}

/** Of eight hues. */
function hueOf(name: string): number {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 997;
  return hash % 8;
}

/** A dialog over the page; Esc and a click beside it close it, and the focus goes back. */
export function Modal({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element && !element.open) element.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="modal"
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="modal-body">
        <header>
          <h2>{title}</h2>
          <button type="button" className="quiet icon-only" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** How loud something is. */
export function Meter({ label, level }: { label: string; level: number }) {
  return (
    <div className="meter" role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(level * 100)}>
      <span style={{ transform: `scaleX(${level})` }} />
    </div>
  );
}
