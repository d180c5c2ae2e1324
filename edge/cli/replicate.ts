/**
 * `solar-edge replicate --once`: the forced replication, asked of the running node; what a CronJob calls at 2 AM.
 *
 * Exit codes: 0 everything accepted before the call is delivered; 1 not finished, data kept; 2 usage or configuration;
 * 3 refused for good: the credential, documents quarantined, or edits of the registry refused in this run.
 */
import { Command } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { EXIT, print, printError, settingsOf } from '../../shared/cli.js';
import type { ProgramClient } from '../../shared/http/client.js';
import { decimal } from '../../shared/setting-schemas.js';
import { formatInstant } from '../../shared/time.js';
import { buildTimeMs } from '../../shared/version.js';
import type { NodeStatus } from '../api/status.js';
import { EDGE_SETTINGS, type EdgeSettings } from '../config.js';
import type { OneShotProgress, OneShotResult } from '../push/one-shot.js';
import { openEdge, withEdgeOptions } from './edge-access.js';
import { createProgress } from './progress.js';

/** How much longer than its deadline a node may take to say so before it is taken for hung. */
const GRACE_MS = 5_000;
const deadlineSchema = decimal(0.001, 7 * 86_400);

interface Flags {
  once?: boolean;
  deadline?: string;
  json?: boolean;
}

export function replicateCommand(): Command {
  const command = new Command('replicate')
    .description('deliver everything stored to the centre, now')
    .option('--once', 'one forced replication (the live one runs in the node)')
    .option('--deadline <seconds>', 'end after so many seconds with what was reached; the node goes on')
    .option('--json', 'print one JSON line per step');
  return withEdgeOptions(command).action(async () => {
    const { once, deadline, json = false } = command.opts<Flags>();
    if (!once)
      throw new AppError('usage', 'replicate needs --once; the live replication is part of "solar-edge start"');
    const deadlineS = deadline === undefined ? undefined : parseDeadline(deadline);
    const settings = settingsOf(command, EDGE_SETTINGS);
    process.exitCode = await openEdge(command, async (client) => {
      const powerFailure = await storePower(client, settings);
      const result = await replicate(client, settings, deadlineS, json);
      if (!json && result.ok) await tellQuarantined(client);
      const exitCode = exitCodeOf(result);
      return exitCode === EXIT.ok && powerFailure ? powerExitCode(powerFailure) : exitCode;
    });
  });
}

function parseDeadline(text: string): number {
  const parsed = deadlineSchema.safeParse(text);
  if (!parsed.success)
    throw new AppError('usage', `--deadline ${parsed.error.issues[0]?.message} (given: ${JSON.stringify(text)})`);
  return parsed.data;
}

/**
 * POWER_KW as a reading, before the attempt. A value that is refused is told and does not keep the rest from being
 * delivered.
 */
async function storePower(client: ProgramClient, { POWER_KW, POWER_AT }: EdgeSettings): Promise<AppError | undefined> {
  if (POWER_KW === undefined) return undefined;
  // A clock from before the build would give the same minute at every boot: the node gives a time of its own then.
  const minute = Date.now() < buildTimeMs() ? undefined : formatInstant(Math.floor(Date.now() / 60_000) * 60_000);
  const at = POWER_AT ?? minute;
  const body = JSON.stringify({ device: 'env', at, powerKw: POWER_KW });
  try {
    await client.json('/v1/readings', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable' || error.code === 'unauthorized') throw error;
    printError(`error: POWER_KW was not stored: ${error.message}`);
    return error;
  }
}

/** Another value for a time that has one is a mistake of the caller's; trying again will not put it right. */
function powerExitCode(failure: AppError): number {
  return failure.code === 'conflict' ? EXIT.usage : failure.exitCode;
}

async function replicate(
  client: ProgramClient,
  settings: EdgeSettings,
  deadlineS: number | undefined,
  json: boolean,
): Promise<OneShotResult> {
  const progress = createProgress({ json, label: 'replicating' });
  const limits = { maxRetries: settings.MAX_RETRIES, retryIntervalS: settings.RETRY_INTERVAL };
  const hung = new AbortController();
  const timer = deadlineS === undefined ? undefined : setTimeout(() => hung.abort(), deadlineS * 1000 + GRACE_MS);
  try {
    const lines = client.lines<OneShotProgress | OneShotResult>('/v1/replicate', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...(deadlineS === undefined ? {} : { deadlineS }), ...limits }),
      signal: hung.signal,
    });
    for await (const line of lines) {
      if (line.event === 'done') return conclude(line, progress, json);
      const note = `${line.sent} sent, ${line.pending} pending${line.error ? ` (${line.error.message})` : ''}`;
      progress.update({ done: line.sent, total: line.sent + line.pending, note, event: line });
    }
  } finally {
    clearTimeout(timer);
    progress.stop();
  }
  throw new AppError('unavailable', `the node at ${client.url} ended without saying how the replication went`);
}

function conclude(result: OneShotResult, progress: { stop(): void }, json: boolean): OneShotResult {
  progress.stop();
  if (json) print(JSON.stringify(result));
  else if (result.ok) print(`Delivered: ${result.sent} documents sent now, ${result.pending} pending.`);
  else printError(`error: ${result.error?.message} (${result.sent} sent, ${result.pending} pending; data is kept)`);
  if (result.ok && result.registry)
    printError(`warning: the registry was not synchronised: ${result.registry.message}`);
  return result;
}

/** What the centre refused in earlier runs is not delivered either, and must not go without saying. */
async function tellQuarantined(client: ProgramClient): Promise<void> {
  const { store } = await client.json<NodeStatus>('/v1/status');
  if (store.quarantined > 0) print(`In quarantine, refused by the centre before: ${store.quarantined}.`);
}

function exitCodeOf({ ok, error, quarantined }: OneShotResult): number {
  if (ok) return EXIT.ok;
  if (error && 'tag' in error && (error.status === 401 || error.status === 403)) return EXIT.refused;
  const code = error && 'code' in error ? error.code : undefined;
  return code === 'refused' || (quarantined > 0 && code === 'quarantined') ? EXIT.refused : EXIT.unfinished;
}
