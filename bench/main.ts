/**
 * `npm run bench`: the figures the node and the centre are held to, ours and a peer's in the same run, several times over.
 *
 * Exit code 0 when everything asked for was measured, whatever the figures; 1 when something went wrong: then the other
 * rows are measured, told and written all the same.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, messageOf } from '../shared/app-error.js';
import { createProgram, print, printError, runProgram } from '../shared/cli.js';
import { integer } from '../shared/setting-schemas.js';
import { version } from '../shared/version.js';
import { interruption } from '../sim/interruption.js';
import { readResults, writeDocumentation } from './documentation.js';
import { describeMachine, isBusy } from './machine.js';
import { profilesText, summariseProfiles } from './profile-summary.js';
import { sittingText, textTable } from './report.js';
import { merged, NO_RESULTS, type Results, resultsOf, type Sitting, stringifyResults, tellFigures } from './results.js';
import type { Measured, Row, RunContext } from './row.js';
import { ROWS } from './rows.js';

/** This file is compiled to dist/bench. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Flags {
  only?: string;
  runs?: string;
  small?: boolean;
  json?: string;
  writeDocs?: boolean;
  docsOnly?: boolean;
  profile?: string;
}

interface Outcome {
  results: Results;
  /** Names of rows that could not be measured. */
  failed: string[];
}

const program = createProgram(
  'solar-sync bench',
  'Measures the edge node, its push and the centre against peers on this machine.',
  version,
)
  .option('--only <row,…>', `measure these rows: ${ROWS.map(({ name }) => name).join(', ')}`)
  .option('--runs <n>', 'how often; the medians count (default: 3, with --small 1)')
  .option('--small', 'shrunk to a few minutes: shows that it works, not how good it is')
  .option('--json <file>', 'write the figures of all runs there as well')
  .option('--write-docs', 'put what was measured into docs/benchmarks.json, and make tables and plots from it anew')
  .option('--docs-only', 'measure nothing; make tables, figures in prose and plots from docs/benchmarks.json anew')
  .option('--profile <folder>', 'have nodes and centres write CPU profiles there, and tell where their time went')
  .addHelpText('after', '\nBENCH_DIR names a folder on the disk to measure; the default is the temporary one.')
  .allowExcessArguments(false)
  .action(async (flags: Flags) => {
    if (flags.docsOnly) return writeDocumentation(ROOT, merged(await readResults(ROOT), NO_RESULTS, ROWS));
    if (flags.writeDocs && flags.small) throw new AppError('usage', '--write-docs needs full size, not --small');
    const { results, failed } = await measure(flags);
    if (flags.json !== undefined) await writeFile(flags.json, stringifyResults(results, ROWS));
    if (flags.writeDocs) {
      // Slowed down by being profiled: only where the time went is worth keeping.
      const worth = flags.profile === undefined ? results : { ...results, figures: [] };
      await writeDocumentation(ROOT, merged(await readResults(ROOT), worth, ROWS));
    }
    if (failed.length > 0) throw new AppError('internal', `not measured, see above: ${failed.join(', ')}`);
  });

async function measure(flags: Flags): Promise<Outcome> {
  const rows = rowsOf(flags.only);
  const small = flags.small ?? false;
  const runs = flags.runs === undefined ? (small ? 1 : 3) : runsOf(flags.runs);
  const signal = interruption();
  const folder = await mkdtemp(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'solar-sync-bench-'));
  try {
    const machine = await describeMachine(folder, signal);
    if (isBusy(machine)) printError('this machine is busy with other things: the figures will tell of them as well');
    const sitting: Sitting = { id: `${new Date().toISOString().slice(0, 19)}Z`, version, machine, runs };
    const profileFolder = flags.profile === undefined ? undefined : path.resolve(flags.profile);
    const { measured, failed } = await measureRows(rows, runs, { folder, small, signal, profileFolder });
    const kind = small ? ' Small sizes, which say nothing about targets.' : '';
    const results = resultsOf(sitting, measured);
    print(`\n${sittingText([sitting])}.${kind}\n\n${textTable(tellFigures(rows, results), { small })}`);
    if (profileFolder === undefined) return { results, failed };
    const summaries = await summariseProfiles(profileFolder);
    print(`\n${profilesText(summaries)}`);
    const profiles = summaries.map((summary) => ({ ...summary, sitting: sitting.id }));
    return { results: { ...results, profiles }, failed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Surroundings = Pick<RunContext, 'folder' | 'small' | 'signal' | 'profileFolder'>;

async function measureRows(
  rows: readonly Row[],
  runs: number,
  { profileFolder, ...surroundings }: Surroundings,
): Promise<{ measured: Measured[]; failed: string[] }> {
  const measured: Measured[] = [];
  const failed = new Set<string>();
  for (let run = 1; run <= runs; run++) {
    for (const row of rows) {
      if (row.once && run > 1) continue;
      printError(`run ${run} of ${runs}: ${row.name} …`);
      const context: RunContext = {
        ...{ ...surroundings, say: printError, peerFirst: run % 2 === 0 },
        profileFolder: profileFolder === undefined ? undefined : path.join(profileFolder, row.name),
      };
      try {
        measured.push(...(await measureRow(row, context)));
      } catch (error) {
        if (context.signal.aborted) throw new AppError('unavailable', 'interrupted; nothing was left behind');
        printError(`${row.name}: ${messageOf(error)}`);
        failed.add(row.name);
      }
    }
  }
  // Of a row that failed once nothing is told: its medians would be of fewer runs than the others'.
  const whole = rows.filter(({ name }) => !failed.has(name)).flatMap((row) => row.figures);
  return { measured: measured.filter(({ figure }) => whole.includes(figure)), failed: [...failed] };
}

async function measureRow(row: Row, context: RunContext): Promise<Measured[]> {
  const measured = await row.measure(context);
  for (const { figure, ours, peer } of measured) {
    const against = peer === undefined ? '' : `, peer ${peer.toFixed(figure.digits)}`;
    context.say(`  ${figure.key}: ${ours.toFixed(figure.digits)} ${figure.unit}${against}`);
  }
  return measured;
}

function rowsOf(only: string | undefined): readonly Row[] {
  if (only === undefined) return ROWS;
  return only.split(',').map((name) => {
    const row = ROWS.find((one) => one.name === name.trim());
    if (row) return row;
    throw new AppError(
      'usage',
      `--only: ${JSON.stringify(name)} is no row; there are ${ROWS.map((one) => one.name).join(', ')}`,
    );
  });
}

function runsOf(text: string): number {
  const parsed = integer(1, 100).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', `--runs ${parsed.error.issues[0]?.message} (given: ${JSON.stringify(text)})`);
}

process.exitCode = await runProgram(program, process.argv);
