/** The project's Markdown as a test reads it: links, anchors, code in it, tables. Reasonable, not complete Markdown. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's own folder: this file is compiled to dist/test/docs. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Page {
  /** Path from the repository's root. */
  file: string;
  text: string;
}

/** README, CONTRIBUTING, that of `k8s/`, and everything in `docs/`. */
export function allPages(): Page[] {
  const files = readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.join('docs', file));
  return ['README.md', 'CONTRIBUTING.md', 'k8s/README.md', ...files.sort()].map(page);
}

export function page(file: string): Page {
  return { file, text: readFileSync(path.join(ROOT, file), 'utf8') };
}

/** Without fenced blocks and code spans: what is left has the links. */
function proseOf(text: string): string {
  return text.replace(/^ *(```|~~~)[\s\S]*?^ *\1 *$/gm, '').replace(/`[^`\n]*`/g, '``');
}

/** Where the links of a page lead, as written; those with a scheme are left out. */
export function relativeLinks({ text }: Page): string[] {
  return [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/** The anchors GitHub gives a page's headings, and those the page gives itself. */
export function anchorsOf({ text }: Page): Set<string> {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id));
  for (const [, heading = ''] of text.replace(/^ *```[\s\S]*?^ *``` *$/gm, '').matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Code spans of a page. */
export function codeSpans({ text }: Page): string[] {
  const spans = text.replace(/^ *(```|~~~)[\s\S]*?^ *\1 *$/gm, '').matchAll(/`([^`\n]+)`/g);
  return [...spans].map(([, code = '']) => code);
}

export function shellBlocks({ text }: Page): string[] {
  return [...text.matchAll(/^ *```(?:sh|bash)\n([\s\S]*?)^ *```/gm)].map(([, block = '']) => block);
}

/** Commands of a page's shell blocks, one each, with continued lines joined and comments left out. */
export function shellLines(page: Page): string[] {
  return shellBlocks(page)
    .flatMap((block) => block.replace(/\\\n/g, ' ').split('\n'))
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** The text below a heading, up to the next of the same or a higher level. */
export function section({ file, text }: Page, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 1;
  const begin = `\n${text}`.indexOf(`\n${heading}\n`);
  if (begin < 0) throw new Error(`${file} has no heading ${heading}`);
  const rest = text.slice(begin + heading.length);
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The code spans in the first column of the tables of a text. */
export function firstColumn(text: string): string[] {
  return [...text.matchAll(/^\| *`([^`]+)` *\|/gm)].map(([, code = '']) => code);
}
