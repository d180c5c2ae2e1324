/** The generated parts of docs/benchmarks.md: each between two markers of its name, and nothing else of the page. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../shared/app-error.js';
import type { PlotFile } from './plot/plots.js';

const PAGE = 'docs/benchmarks.md';

/** `text` with what stands between the markers of that name replaced; throws `usage` where the markers are not there. */
export function withSection(text: string, name: string, section: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new AppError('usage', `${PAGE} has no place between ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${section}\n\n${text.slice(to)}`;
}

/** Writes a part of the page anew, with its plots below it, and the plots. */
export async function writeSection(
  root: string,
  name: string,
  section: string,
  plots: readonly PlotFile[],
): Promise<void> {
  const page = path.join(root, PAGE);
  const text = withSection(await readFile(page, 'utf8'), name, [section, ...plots.map(imageOf)].join('\n\n'));
  for (const { file, text: picture } of plots) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), picture);
  }
  await writeFile(page, text);
}

export function imageOf({ file, alt }: PlotFile): string {
  return `![${alt}](${path.posix.relative('docs', file)})`;
}

/** What `--json` wrote, known by a list it has. Throws `usage` for anything else. */
export async function readReport<T>(file: string, list: keyof T & string): Promise<T> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as T;
    if (Array.isArray(report[list])) return report;
  } catch (cause) {
    throw new AppError('usage', `${file} cannot be read`, { cause });
  }
  throw new AppError('usage', `${file} is no such report: it has no list of ${list}`);
}
