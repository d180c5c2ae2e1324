/**
 * SVG as text: elements, and a picture that is readable in light and dark, whose words are text and which says what it
 * shows to those who cannot see it.
 *
 * Invariants: the same input gives the same bytes; everything is escaped; the picture paints its own background, so that
 * it is readable on any page.
 */

export type Attributes = Record<string, string | number>;

export interface Picture {
  width: number;
  height: number;
  title: string;
  /** In words, for those who cannot see it. */
  description: string;
}

/** Lines that lie beside each other differ in dashes as well as in colour. */
export const LINE_KINDS = 6;

const STYLE = `
  svg { --ground: #ffffff; --ink: #1f2328; --faint: #d1d9e0; --dim: #59636e; --bad: #b3261e;
    --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #9a6700; --c5: #57606a; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --ink: #e6edf3; --faint: #30363d; --dim: #9198a1; --bad: #ff7b72;
      --c0: #58a6ff; --c1: #ff9e64; --c2: #56d364; --c3: #bc8cff; --c4: #e3b341; --c5: #b1bac4; }
  }
  text { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; fill: var(--ink); font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; }
  .title { font-size: 16px; font-weight: 600; }
  .dim { fill: var(--dim); font-size: 12px; }
  .bad { fill: var(--bad); }
  .ground { fill: var(--ground); }
  .grid { stroke: var(--faint); stroke-width: 1; }
  .axis { stroke: var(--dim); stroke-width: 1; }
  .target { stroke: var(--ink); stroke-width: 2; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
${Array.from({ length: LINE_KINDS }, (_, i) => `  .c${i} { stroke: var(--c${i}); } .f${i} { fill: var(--c${i}); }`).join('\n')}
  .c1 { stroke-dasharray: 7 3; } .c2 { stroke-dasharray: 2 3; } .c3 { stroke-dasharray: 9 3 2 3; }
  .c4 { stroke-dasharray: 4 2; } .c5 { stroke-dasharray: 1 2; }
`;

/** An element with children that are markup already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(valueText(value))}"`);
  const open = `<${name}${given.join('')}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join('')}</${name}>`;
}

export function textAt(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(content));
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  return element('line', { x1, y1, x2, y2, class: kind });
}

/** The whole file. */
export function picture({ width, height, title, description }: Picture, parts: readonly string[]): string {
  const attributes = {
    ...{ xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height },
    ...{ role: 'img', 'aria-labelledby': 'title description' },
  };
  const head = [
    element('title', { id: 'title' }, escaped(title)),
    element('desc', { id: 'description' }, escaped(description)),
    element('style', {}, STYLE),
    element('rect', { width, height, class: 'ground' }),
    textAt(16, 26, title, { class: 'title' }),
  ];
  return `${element('svg', attributes, '\n', [...head, ...parts].join('\n'), '\n')}\n`;
}

/** Two decimals of a pixel are more than anybody sees, and are the same on every machine. */
function valueText(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;
}

/** Text as markup. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
