/**
 * `solar-edge import-csv FILE`: readings from a CSV file, through the running node.
 *
 * How it was called is checked before the node is asked for. Exit codes: 0 the file is stored (but for skipped rows), 1
 * it ended early and what came before is stored, 2 usage, 3 the node refused the credential.
 */
import path from 'node:path';
import { Command, Option } from 'commander';
import { EXIT, print, printError } from '../../shared/cli.js';
import type { ProgramClient } from '../../shared/http/client.js';
import { type ImportResult, importCsv } from '../import/import-csv.js';
import { type ImportPlan, type OnError, planImport } from '../import/import-plan.js';
import type { ImportFailure, RowProblem } from '../import/row-batches.js';
import { createProgress } from './progress.js';

/** Finds the node a verb speaks to, does the work with it and returns the work's exit code. */
export type OpenEdge = (command: Command, work: (client: ProgramClient) => Promise<number>) => Promise<number>;

interface Flags {
  device: string;
  time: string;
  map: string[];
  tz: string;
  timeFormat?: string;
  onError: OnError;
  json?: boolean;
}

const MAX_PROBLEMS_LISTED = 20;

const EXAMPLES = `
COLUMN is the column's name in the file's first line, or #N for the N-th column ("" names the one without a name).
Fields hold numbers, true or false; COLUMN=field:text takes a column as text, as "state" always is.
Times such as 1/2/2026 6:00 are read as month/day/year; --time-format "d/M/yyyy H:mm" has the day first.

Examples:
  solar-edge import-csv meter.csv --device meter-1 --time measured_on --map ac_power=powerKw
  solar-edge import-csv weather.csv --device station --time "" --tz UTC-7 \\
    --map "Ambient Temperature=temperatureC,Plane of array=irradianceWm2"
  solar-edge import-csv log.csv --device inverter --time Zeit --time-format "dd.MM.yy HH:mm" --tz Africa/Douala --map "#2=powerW"`;

/** The verb, without the settings of the program, which the caller adds. */
export function importCsvCommand(openEdge: OpenEdge): Command {
  const command = new Command('import-csv')
    .description('store the rows of a CSV file as readings; importing it again adds nothing')
    .argument('<file>', 'CSV file in UTF-8 whose first line names the columns')
    .requiredOption('--device <name>', 'device the readings belong to')
    .requiredOption('--time <column>', 'column that holds the time')
    .requiredOption('--map <column=field,…>', 'which column becomes which field; may be given several times', collect)
    .option('--tz <zone>', 'zone of times without an offset: an IANA name, UTC, or an offset such as UTC-7', 'UTC')
    .option('--time-format <format>', 'how times are written, in tokens of Luxon, when they are not recognised')
    .addOption(
      new Option('--on-error <what>', 'at a row that cannot be taken: stop before it, or skip it')
        .choices(['stop', 'skip'])
        .default('stop'),
    )
    .option('--json', 'print one JSON line per step')
    .addHelpText('after', EXAMPLES);
  return command.action(async (file: string) => {
    const flags = command.opts<Flags>();
    const { device, time: timeColumn, map: mapping, tz: timeZone, timeFormat, onError } = flags;
    const plan = await planImport({ file, device, timeColumn, mapping, timeZone, timeFormat, onError });
    process.exitCode = await openEdge(command, (client) => runImport(plan, client, flags.json === true));
  });
}

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

async function runImport(plan: ImportPlan, client: ProgramClient, json: boolean): Promise<number> {
  const progress = createProgress({ json, label: path.basename(plan.file) });
  const skipped: RowProblem[] = [];
  const result = await untilInterrupted((signal) =>
    importCsv(plan, {
      client,
      signal,
      onProgress: (event) =>
        progress.update({
          done: event.bytesRead,
          total: event.totalBytes,
          note: `${count(event.rows, 'row')}`,
          event: { event: 'progress', ...event },
        }),
      onSkipped: (problem) => {
        if (skipped.length < MAX_PROBLEMS_LISTED) skipped.push(problem);
        if (json) print(JSON.stringify({ event: 'skipped', ...problem }));
      },
    }),
  );
  progress.stop();
  report(result, skipped, json);
  return exitCodeOf(result);
}

/** Runs work that a first SIGINT or SIGTERM ends in good order; a second one has its usual effect. */
async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    return await work(interruption.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function report(result: ImportResult, skipped: readonly RowProblem[], json: boolean): void {
  for (const { row, line, message } of skipped) printError(`skipped row ${row} (line ${line}): ${message}`);
  const more = result.skipped - skipped.length;
  if (more > 0) printError(`skipped ${count(more, 'more row')}`);
  if (result.error) printError(`error: ${sentenceOf(result.error)}`);
  print(json ? JSON.stringify({ event: 'done', ...result }) : summaryOf(result));
}

function sentenceOf({ row, line, message }: ImportFailure): string {
  return row === undefined ? message : `row ${row} (line ${line}): ${message}`;
}

function summaryOf({ ok, rows, accepted, duplicates, empty, skipped, firstAt, lastAt }: ImportResult): string {
  const parts = [`${number(accepted)} accepted`, count(duplicates, 'duplicate')];
  if (empty > 0) parts.push(`${number(empty)} without values`);
  if (skipped > 0) parts.push(`${number(skipped)} bad and skipped`);
  const counted = `${count(rows, 'row')} read: ${parts.join(', ')}`;
  // A zone or an order of day and month that was not meant is seen here.
  const span = firstAt === undefined ? '' : ` Their times are ${firstAt} to ${lastAt}.`;
  if (ok) return `${counted}.${span}`;
  return `${counted}; what was accepted is stored, and importing the file again adds nothing twice.${span}`;
}

function exitCodeOf({ ok, error }: ImportResult): number {
  if (ok) return EXIT.ok;
  return error?.code === 'unauthorized' || error?.code === 'forbidden' ? EXIT.refused : EXIT.unfinished;
}

function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
