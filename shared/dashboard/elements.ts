/** Building and changing the page. Data becomes text and attributes, never markup. */

export type Child = Node | string;

const SVG = 'http://www.w3.org/2000/svg';

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function svg(
  name: string,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: Child[]
): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/** An element of the page as it was written. Throws where there is none: page and script do not go together then. */
export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** Leaves the page alone where nothing changes, so that screen readers do not speak for nothing. */
export function setText(id: string, text: string, className?: string): void {
  const found = byId(id, HTMLElement);
  if (found.textContent !== text) found.textContent = text;
  if (className !== undefined && found.className !== className) found.className = className;
}

export function show(id: string, isShown: boolean): void {
  byId(id, HTMLElement).hidden = !isShown;
}

/** A button that stays where the keyboard is while its work goes on, and begins none meanwhile. */
export function onPress(button: HTMLButtonElement, work: () => Promise<void>): void {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    void work().finally(() => button.removeAttribute('aria-disabled'));
  });
}
