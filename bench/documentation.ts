/**
 * The benchmark's part of the documentation, made from `docs/benchmarks.json` alone: the tables of docs/benchmarks.md
 * between their markers, the figures that prose links to, the plots.
 *
 * Invariants: the same results give the same bytes; nothing outside markers and links is touched. A figure in prose is a
 * link to its line, `[217](benchmarks.md#village-day)` or, for the peer's, `#village-day-peer`; its text is written here.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readFileIfPresent } from '../shared/durable-file.js';
import { imageOf, withSection } from './docs-section.js';
import { type PlotFile, plotsOf } from './plot/plots.js';
import {
  behindTable,
  functionsText,
  groupsText,
  markdownTable,
  missedTable,
  profileTable,
  shown,
  sittingText,
} from './report.js';
import {
  NO_RESULTS,
  parseResults,
  type Results,
  sittingGroups,
  stringifyResults,
  type ToldFigure,
  tellFigures,
} from './results.js';
import { PROMISES, ROWS } from './rows.js';

export interface DocumentationFile {
  /** From the repository's root. */
  file: string;
  text: string;
}

const RESULTS = 'docs/benchmarks.json';
const PAGE = 'docs/benchmarks.md';
const LINK = /\[([^\]\n]*)\]\(((?:[\w./-]*\/)?benchmarks\.md)?#([\w-]+)\)/g;

/** The results the repository has; none where it has no file of them. */
export async function readResults(root: string): Promise<Results> {
  const text = await readFileIfPresent(path.join(root, RESULTS));
  return text === undefined ? NO_RESULTS : parseResults(text);
}

/** Every file that hangs on the results, as it has to be. Throws an AppError where the page has lost its markers. */
export async function renderDocumentation(root: string, results: Results): Promise<DocumentationFile[]> {
  const told = tellFigures(ROWS, results);
  const plots = plotsOf(told);
  const files: DocumentationFile[] = [{ file: RESULTS, text: stringifyResults(results, ROWS) }];
  for (const { file, text } of plots) files.push({ file, text });
  for (const file of await pagesOf(root)) {
    const text = await readFile(path.join(root, file), 'utf8');
    files.push({ file, text: withFigures(file === PAGE ? withTables(text, results, told, plots) : text, file, told) });
  }
  return files;
}

/** Writes what has changed. */
export async function writeDocumentation(root: string, results: Results): Promise<void> {
  for (const { file, text } of await renderDocumentation(root, results)) {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    if ((await readFile(target, 'utf8').catch(() => undefined)) !== text) await writeFile(target, text);
  }
}

async function pagesOf(root: string): Promise<string[]> {
  const files = await readdir(path.join(root, 'docs'), { recursive: true });
  const pages = files.filter((file) => file.endsWith('.md')).map((file) => path.posix.join('docs', file));
  return ['README.md', ...pages.sort()];
}

function withTables(text: string, results: Results, told: readonly ToldFigure[], plots: readonly PlotFile[]): string {
  const groups = sittingGroups(results);
  const promised = new Set(PROMISES.flatMap((row) => row.figures.map(({ key }) => key)));
  const promises = told.filter(({ figure }) => promised.has(figure.key));
  const others = told.filter(({ figure }) => !promised.has(figure.key));
  const sections: Record<string, string> = {
    promises: markdownTable(promises, groups),
    figures: [groupsText(groups), markdownTable(others, groups), ...plots.map(imageOf)].join('\n\n'),
    behind: behindTable(told),
    missed: missedTable(told),
    profile: profilesText(results),
  };
  return Object.entries(sections).reduce((page, [name, section]) => withSection(page, name, section), text);
}

function profilesText({ profiles, sittings }: Results): string {
  if (profiles.length === 0) return 'Not measured yet.';
  return profiles
    .map((profile) => {
      const sitting = sittings.find(({ id }) => id === profile.sitting);
      const head = `**\`${profile.name}\`** (${sittingText(sitting ? [sitting] : [])})`;
      return [head, profileTable(profile.components, 'markdown'), functionsText(profile.functions)].join('\n\n');
    })
    .join('\n\n');
}

/** The page with the text of every link to a figure's line written anew; other links stay as they are. */
export function withFigures(text: string, file: string, told: readonly ToldFigure[]): string {
  const values = new Map(
    told.flatMap(({ figure: { key, digits }, ours, peer }) => [
      [key, { value: ours, digits }] as const,
      [`${key}-peer`, { value: peer, digits }] as const,
    ]),
  );
  return text.replace(LINK, (link, _text, page, anchor: string) => {
    const found = values.get(anchor);
    if (!found || (page === undefined && file !== PAGE)) return link;
    return `[${found.value === undefined ? 'not measured' : shown(found.value, found.digits)}](${page ?? ''}#${anchor})`;
  });
}
