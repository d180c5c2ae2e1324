/**
 * What was measured, as it is kept in `docs/benchmarks.json`: each figure's runs, and of each sitting the day, the
 * version and the machine. A later sitting replaces the figures it measured and leaves the others as they were.
 *
 * Invariants: only runs are read back; medians, ratios and verdicts are reckoned anew from the figures' definitions and
 * stand in the file for other readers. Every sitting in the file has a figure or a profile.
 */
import { z } from 'zod';
import { AppError } from '../shared/app-error.js';
import { type Machine, sameMachine } from './machine.js';
import type { ComponentShare, FunctionShare } from './profile/components.js';
import type { Measured, Row } from './row.js';
import { type FigureSummary, summarise } from './summary.js';

/** One call of the benchmark. */
export interface Sitting {
  /** Its instant, `2026-01-05T10:20:30Z`. */
  id: string;
  version: string;
  machine: Machine;
  /** Runs asked for; rows that are measured once have one all the same. */
  runs: number;
}

export interface StoredFigure {
  key: string;
  /** Id of the sitting it was measured in. */
  sitting: string;
  runs: readonly { ours: number; peer?: number | undefined }[];
}

/** Where one program's processor time went. */
export interface StoredProfile {
  /** What it did, such as `drain/node`: row and program. */
  name: string;
  sitting: string;
  components: readonly ComponentShare[];
  functions: readonly FunctionShare[];
}

export interface Results {
  sittings: readonly Sitting[];
  figures: readonly StoredFigure[];
  profiles: readonly StoredProfile[];
}

/** A figure with the sitting it is of; undefined where it was never measured. */
export interface ToldFigure extends FigureSummary {
  sitting: Sitting | undefined;
}

export const NO_RESULTS: Results = { sittings: [], figures: [], profiles: [] };

const DIGITS = 6;

const machineSchema = z.object({
  ...{ processor: z.string(), system: z.string(), node: z.string(), fileSystem: z.string() },
  ...{ cores: z.number(), memoryGiB: z.number(), loadAverage: z.number() },
  ...{ syncMedianMs: z.number(), syncP99Ms: z.number() },
});
const resultsSchema = z.object({
  sittings: z.array(z.object({ id: z.string(), version: z.string(), runs: z.number(), machine: machineSchema })),
  figures: z.array(
    z.object({
      key: z.string(),
      sitting: z.string(),
      runs: z.array(z.object({ ours: z.number(), peer: z.number().optional() })),
    }),
  ),
  profiles: z.array(
    z.object({
      name: z.string(),
      sitting: z.string(),
      components: z.array(z.object({ name: z.string(), seconds: z.number(), share: z.number() })),
      functions: z.array(z.object({ name: z.string(), share: z.number() })),
    }),
  ),
});

/** Throws an AppError `usage` when the text is not what `stringifyResults` wrote. */
export function parseResults(text: string): Results {
  try {
    return resultsSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('usage', 'docs/benchmarks.json is not a file of results', { cause });
  }
}

/** What one sitting measured. */
export function resultsOf(sitting: Sitting, measured: readonly Measured[], profiles: StoredProfile[] = []): Results {
  const keys = [...new Set(measured.map(({ figure }) => figure.key))];
  const figures = keys.map((key) => ({
    key,
    sitting: sitting.id,
    runs: measured
      .filter(({ figure }) => figure.key === key)
      .map(({ ours, peer }) => (peer === undefined ? { ours: kept(ours) } : { ours: kept(ours), peer: kept(peer) })),
  }));
  return { sittings: [sitting], figures, profiles };
}

/**
 * `before` with the figures and profiles of `after` in place of its own. What no row has any more is dropped; what a row
 * could not measure this time keeps its older figure, which says so by its sitting.
 */
export function merged(before: Results, after: Results, rows: readonly Row[]): Results {
  const known = new Set(rows.flatMap((row) => row.figures.map(({ key }) => key)));
  const newKeys = new Set(after.figures.map(({ key }) => key));
  const figures = [...before.figures.filter(({ key }) => known.has(key) && !newKeys.has(key)), ...after.figures];
  const newProfiles = new Set(after.profiles.map(({ name }) => name));
  const profiles = [...before.profiles.filter(({ name }) => !newProfiles.has(name)), ...after.profiles];
  const used = new Set([...figures, ...profiles].map(({ sitting }) => sitting));
  const sittings = [...before.sittings, ...after.sittings].filter(({ id }) => used.has(id));
  return { sittings, figures, profiles };
}

/** All figures of the rows, judged, in the rows' order. */
export function tellFigures(rows: readonly Row[], { figures, sittings }: Results): ToldFigure[] {
  const stored = new Map(figures.map((one) => [one.key, one]));
  const measured: Measured[] = rows
    .flatMap((row) => row.figures)
    .flatMap((figure) =>
      (stored.get(figure.key)?.runs ?? []).map(({ ours, peer }) =>
        peer === undefined ? { figure, ours } : { figure, ours, peer },
      ),
    );
  return summarise(rows, measured).map((summary) => {
    const id = stored.get(summary.figure.key)?.sitting;
    return { ...summary, sitting: sittings.find((one) => one.id === id) };
  });
}

/** Sittings that one sentence can tell of: same day, version, number of runs and machine; the most used first. */
export function sittingGroups({ sittings, figures, profiles }: Results): Sitting[][] {
  const groups: Sitting[][] = [];
  for (const sitting of [...sittings].sort((a, b) => a.id.localeCompare(b.id))) {
    const group = groups.find(([first]) => first && isAlike(first, sitting));
    if (group) group.push(sitting);
    else groups.push([sitting]);
  }
  const usesOf = (group: Sitting[]) =>
    [...figures, ...profiles].filter(({ sitting }) => group.some(({ id }) => id === sitting)).length;
  return groups.sort((a, b) => usesOf(b) - usesOf(a));
}

export function dayOf({ id }: Sitting): string {
  return id.slice(0, 'yyyy-mm-dd'.length);
}

/** The file's text: what is read back, and beside it what other readers want to know. */
export function stringifyResults(results: Results, rows: readonly Row[]): string {
  const figures = rows.flatMap((row) =>
    tellFigures([row], results).flatMap(({ figure, sitting, runs, ours, peer, ratio, verdicts }) =>
      sitting === undefined
        ? []
        : [
            {
              ...{ key: figure.key, row: row.name, what: figure.what, peerIs: figure.peer, unit: figure.unit },
              ...{ sitting: sitting.id, ours, peer, ratio: ratio === undefined ? undefined : kept(ratio) },
              targets: verdicts.map(({ target, met }) => ({ target: target.text, met })),
              runs: runs.map((run) => ({ ours: run.ours, peer: run.peer })),
            },
          ],
    ),
  );
  // Through the schema, so that fields stand in the same order whether they were measured now or read.
  const { sittings, profiles } = resultsSchema.parse(results);
  return `${JSON.stringify({ sittings, figures, profiles }, undefined, 2)}\n`;
}

function isAlike(a: Sitting, b: Sitting): boolean {
  return dayOf(a) === dayOf(b) && a.version === b.version && a.runs === b.runs && sameMachine(a.machine, b.machine);
}

/** More digits would say nothing. */
function kept(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
