/** The element with this id, which index.html promises to have. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html lacks #${id}`);
  return element;
}

export function button(id: string): HTMLButtonElement {
  return byId(id, HTMLButtonElement);
}

export function input(id: string): HTMLInputElement {
  return byId(id, HTMLInputElement);
}

/** Writes a text, and only if it is another one: live regions speak each time they are written to. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for the icon and the words of a button. */
export function setFace(target: HTMLButtonElement, icon: string, words: string): void {
  target.querySelector("use")?.setAttribute("href", `#i-${icon}`);
  const label = target.querySelector("span");
  if (label) setText(label, words);
}
