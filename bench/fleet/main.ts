/**
 * `npm run bench:fleet`: a thousand villages and some real nodes push to two gateways before one CouchDB in the hour after
 * 2 AM, and every document is counted afterwards.
 *
 * Exit code 0 when in every scenario as much is held as was sent, to the document; 1 otherwise.
 */
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../shared/app-error.js';
import { createProgram, EXIT, print, printError, runProgram } from '../../shared/cli.js';
import { formatInstant } from '../../shared/time.js';
import { version } from '../../shared/version.js';
import { interruption } from '../../sim/interruption.js';
import { couchdbUrl } from '../../test/support/couchdb.js';
import { readReport, writeSection } from '../docs-section.js';
import { describeMachine, isBusy } from '../machine.js';
import { type FleetFlags, type FleetSize, type Scenario, scenariosOf, sizeOf } from './fleet-plan.js';
import { plotsOfFleet } from './fleet-plots.js';
import { type FleetReport, isWhole, jsonReport, markdownReport, textReport } from './fleet-report.js';
import { type FleetRun, runScenario, type ScenarioResult } from './scenario.js';
import { makeVillageLoad, type VillageLoad } from './village-load.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SEED = 20_260_105;
/** Every so many villages speak gzip alone, as stock replicators do. */
const GZIP_EVERY = 10;

interface Flags extends FleetFlags {
  json?: string;
  writeDocs?: boolean;
  from?: string;
}

const program = createProgram('solar-sync fleet', 'The hour after 2 AM, with many villages at once.', version)
  .option('--villages <n>', 'light villages (default: 1000, with --small 50)')
  .option('--edges <n>', 'nodes as processes of their own (default: 20, with --small 2)')
  .option('--readings <n>', 'readings of each village (default: 4,800 a day in the proportion of the hour)')
  .option('--hour <seconds>', 'how long the hour takes (default: 120, with --small 12)')
  .option('--jitter', 'one scenario: villages start at their own delays, as SYNC_JITTER has it')
  .option('--no-jitter', 'one scenario: all at the same moment')
  .option('--kill-gateway', 'one scenario: a gateway is killed half-way and started again')
  .option('--restart-couchdb', 'one scenario: CouchDB is restarted half-way by the command in COUCHDB_RESTART')
  .option('--small', 'shrunk: shows that it works')
  .option('--json <file>', 'write all figures there, with series to plot')
  .option('--write-docs', 'put the table into docs/benchmarks.md, and plots beside it; needs all scenarios')
  .option('--from <file,…>', 'measure nothing; tell what --json wrote there, of several calls together')
  .addHelpText(
    'after',
    '\nWithout a scenario all are run. COUCHDB_URL, COUCHDB_USER, COUCHDB_PASSWORD: the CouchDB; else one',
  )
  .addHelpText('after', 'gateway on its embedded store. COUCHDB_RESTART restarts it and ends when it answers again.')
  .allowExcessArguments(false)
  .action(async (flags: Flags) => {
    const report = flags.from === undefined ? await measured(flags) : await readReports(flags.from.split(','));
    print(`\n${textReport(report)}`);
    if (flags.writeDocs) {
      if (report.results.length < scenariosOf({}).length || flags.small) {
        throw new AppError('usage', '--write-docs needs all scenarios, before a CouchDB and without --small');
      }
      await writeSection(ROOT, 'fleet', markdownReport(report), plotsOfFleet(report));
    }
    if (!report.results.every(({ count }) => isWhole(count))) process.exitCode = EXIT.unfinished;
  });

function measured(flags: Flags): Promise<FleetReport> {
  const { json } = flags;
  // After each scenario: whoever ends a long run early keeps what it has measured.
  return measure(sizeOf(flags), scenariosOf(flags), async (soFar) => {
    if (json !== undefined) await writeFile(json, `${jsonReport(soFar)}\n`);
  });
}

/** Described by the first. */
async function readReports(files: readonly string[]): Promise<FleetReport> {
  const reports = await Promise.all(files.map((file) => readReport<FleetReport>(file, 'results')));
  const [first] = reports;
  if (!first) throw new AppError('usage', '--from names no file');
  return { ...first, results: reports.flatMap(({ results }) => results) };
}

async function measure(
  size: FleetSize,
  scenarios: readonly Scenario[],
  onResult: (soFar: FleetReport) => Promise<void>,
): Promise<FleetReport> {
  const signal = interruption();
  // Every village that waits listens to it.
  setMaxListeners(0, signal);
  const couchdb = couchdbUrl();
  const restartCommand = process.env.COUCHDB_RESTART;
  const folder = await mkdtemp(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'solar-sync-fleet-'));
  try {
    const machine = await describeMachine(folder, signal);
    if (isBusy(machine)) printError('this machine is busy with other things: the figures will tell of them as well');
    printError(`the load of ${size.villages} villages is made …`);
    const loads = await makeLoads(size);
    const run: FleetRun = { size, loads, couchdb, restartCommand, folder, seed: SEED, signal, say: printError };
    const date = formatInstant(Date.now()).slice(0, 10);
    const store = couchdb ? 'two gateways and CouchDB' : 'one gateway on its embedded store';
    const results: ScenarioResult[] = [];
    const report: FleetReport = { date, version, machine, size, store, seed: SEED, results };
    for (const scenario of scenarios) {
      const reason = leftOut(scenario, run);
      if (reason !== undefined) {
        printError(`${scenario.title}: left out, ${reason}`);
        continue;
      }
      const result = await runScenario(scenario, run);
      for (const problem of result.count.problems.slice(0, 10)) printError(`  ${problem}`);
      printError(`  ${result.count.sent} documents sent, ${result.count.held} held, ${result.wallS.toFixed(1)} s`);
      results.push(result);
      await onResult(report);
    }
    if (results.length === 0) throw new AppError('usage', 'no scenario can be run here');
    return report;
  } catch (error) {
    if (signal.aborted) throw new AppError('unavailable', 'interrupted; nothing was left behind');
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

function leftOut({ restartCouchdb }: Scenario, { couchdb, restartCommand }: FleetRun): string | undefined {
  if (!restartCouchdb) return undefined;
  if (!couchdb) return 'COUCHDB_URL names no CouchDB';
  return restartCommand === undefined ? 'COUCHDB_RESTART names no command that restarts it' : undefined;
}

async function makeLoads({ villages, readings }: FleetSize): Promise<VillageLoad[]> {
  const loads: VillageLoad[] = [];
  for (let n = 0; n < villages; n++) {
    loads.push(await makeVillageLoad(`village${n}`, readings, n % GZIP_EVERY === 0 ? 'gzip' : 'br'));
  }
  return loads;
}

process.exitCode = await runProgram(program, process.argv);
