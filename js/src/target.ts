import { inputError } from "./errors.js";

/**
 * What a person types, as a URI: `bob` and `+49 30 1234` belong to the domain of `aor`, `bob@example.org` lacks only
 * its scheme, and a whole URI stays as it is.
 */
export function completeTarget(target: string, aor: string): string {
  const text = target.trim();
  if (text === "") throw inputError("target", "there is nobody to call");
  if (/^(sips?|tel):/i.test(text)) return text;
  if (text.includes("@")) return `sip:${text}`;
  const user = /^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text;
  const escaped = user.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/:]/g, encodeURIComponent);
  return `sip:${escaped}@${aor.slice(aor.lastIndexOf("@") + 1)}`;
}
