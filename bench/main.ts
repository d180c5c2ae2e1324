/**
 * `npm run bench`: the figures the ledger and the push are held to, ours and a peer's in the same run, several times over.
 *
 * Exit code 0 when everything asked for was measured, whatever the figures; 1 when something went wrong.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../shared/app-error.js';
import { createProgram, print, printError, runProgram } from '../shared/cli.js';
import { integer } from '../shared/setting-schemas.js';
import { formatInstant } from '../shared/time.js';
import { version } from '../shared/version.js';
import { interruption } from '../sim/interruption.js';
import { backlog } from './backlog.js';
import { burstWrites } from './burst-writes.js';
import { csvExport } from './csv-export.js';
import { drain } from './drain.js';
import { freshness } from './freshness.js';
import { idle } from './idle.js';
import { importRow } from './import.js';
import { latency } from './latency.js';
import { describeMachine, isBusy } from './machine.js';
import { million } from './million.js';
import { jsonReport, markdownReport, type Report, textReport } from './report.js';
import type { Measured, Row, RunContext } from './row.js';
import { singleReadings } from './single-readings.js';
import { summarise } from './summary.js';
import { villageDay } from './village-day.js';
import { villageDayCouchDb } from './village-day-couchdb.js';

const ROWS: readonly Row[] = [
  ...[singleReadings, importRow, burstWrites, latency, million],
  ...[villageDay, villageDayCouchDb, freshness, drain, backlog, idle],
  csvExport,
];
const DOCUMENTATION = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const FIGURES_BEGIN = '<!-- figures: begin -->';
const FIGURES_END = '<!-- figures: end -->';

interface Flags {
  only?: string;
  runs?: string;
  small?: boolean;
  json?: string;
  writeDocs?: boolean;
  profile?: string;
}

const program = createProgram(
  'solar-sync bench',
  'Measures the edge node and its push against bare peers on this machine.',
  version,
)
  .option('--only <row,…>', `measure these rows: ${ROWS.map(({ name }) => name).join(', ')}`)
  .option('--runs <n>', 'how often; the medians count (default: 3, with --small 1)')
  .option('--small', 'shrunk to two minutes: shows that it works, not how good it is')
  .option('--json <file>', 'write the figures of all runs there as well')
  .option('--write-docs', 'put the table into docs/benchmarks.md; needs all rows at full size')
  .option('--profile <folder>', 'have nodes and gateways write CPU profiles there (slows them down)')
  .addHelpText('after', '\nBENCH_DIR names a folder on the disk to measure; the default is the temporary one.')
  .allowExcessArguments(false)
  .action(async (flags: Flags) => {
    const rows = rowsOf(flags.only);
    if (flags.writeDocs && (flags.small || flags.profile !== undefined || rows !== ROWS)) {
      throw new AppError('usage', '--write-docs needs all rows at full size, without --only, --small and --profile');
    }
    const runs = flags.runs === undefined ? (flags.small ? 1 : 3) : runsOf(flags.runs);
    const report = await measure(rows, runs, flags);
    print(`\n${textReport(report)}`);
    if (flags.json !== undefined) await writeFile(flags.json, `${jsonReport(report)}\n`);
    if (flags.writeDocs) await writeDocumentation(report);
  });

async function measure(rows: readonly Row[], runs: number, flags: Flags): Promise<Report> {
  const signal = interruption();
  const folder = await mkdtemp(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'solar-sync-bench-'));
  const small = flags.small ?? false;
  try {
    const machine = await describeMachine(folder, signal);
    if (isBusy(machine)) printError('this machine is busy with other things: the figures will tell of them as well');
    const measured: Measured[] = [];
    for (let run = 1; run <= runs; run++) {
      const context: RunContext = {
        ...{ folder, small, signal, say: printError },
        peerFirst: run % 2 === 0,
        profileFolder: flags.profile === undefined ? undefined : path.resolve(flags.profile),
      };
      for (const row of rows) {
        if (row.once && run > 1) continue;
        printError(`run ${run} of ${runs}: ${row.name} …`);
        measured.push(...(await measureRow(row, context)));
      }
    }
    const date = formatInstant(Date.now()).slice(0, 10);
    return { date, version, machine, runs, small, figures: summarise(rows, measured) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureRow(row: Row, context: RunContext): Promise<Measured[]> {
  try {
    const measured = await row.measure(context);
    for (const { figure, ours, peer } of measured) {
      const against = peer === undefined ? '' : `, peer ${peer.toFixed(figure.digits)}`;
      context.say(`  ${figure.key}: ${ours.toFixed(figure.digits)} ${figure.unit}${against}`);
    }
    return measured;
  } catch (error) {
    if (context.signal.aborted) throw new AppError('unavailable', 'interrupted; nothing was left behind');
    throw error;
  }
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

async function writeDocumentation(report: Report): Promise<void> {
  const text = await readFile(DOCUMENTATION, 'utf8');
  const begin = text.indexOf(FIGURES_BEGIN);
  const end = text.indexOf(FIGURES_END);
  if (begin < 0 || end < begin) {
    throw new AppError(
      'usage',
      `docs/benchmarks.md has no place for the table between ${FIGURES_BEGIN} and ${FIGURES_END}`,
    );
  }
  const before = text.slice(0, begin + FIGURES_BEGIN.length);
  await writeFile(DOCUMENTATION, `${before}\n\n${markdownReport(report)}\n\n${text.slice(end)}`);
}

process.exitCode = await runProgram(program, process.argv);
