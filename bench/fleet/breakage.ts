/** What is broken on purpose in the middle of the hour, and made whole again. */
import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { sleep } from '../../shared/time.js';
import type { FleetCentre } from './fleet-centre.js';
import type { Scenario } from './fleet-plan.js';

/** Seconds after 2 AM. */
export interface Breakage {
  what: string;
  fromS: number;
  toS: number;
}

export interface BreakageOptions {
  scenario: Scenario;
  centre: FleetCentre;
  /** Shell command that restarts the CouchDB and ends when it answers again. */
  restartCommand: string | undefined;
  /** True when half of the documents are there. */
  isHalfWay: () => boolean;
  sinceS: () => number;
  signal: AbortSignal;
  say: (line: string) => void;
}

const LOOK_MS = 50;
/** A container that ended is started again at once, and takes some seconds for it. */
const GATEWAY_GONE_MS = 5_000;

/**
 * Waits until the hour is half-way and does what the scenario is about; undefined when that is nothing. Rejects when the
 * signal is aborted before.
 */
export async function breakHalfWay(options: BreakageOptions): Promise<Breakage | undefined> {
  const { scenario, isHalfWay, signal } = options;
  if (!scenario.killGateway && !scenario.restartCouchdb) return undefined;
  while (!isHalfWay()) {
    await sleep(LOOK_MS, signal);
    if (signal.aborted) throw new Error('the hour was over before half of the documents were there');
  }
  const fromS = options.sinceS();
  const parts: string[] = [];
  if (scenario.killGateway) parts.push(await killGateway(options));
  if (scenario.restartCouchdb) parts.push(await restartCouchDb(options));
  return { what: parts.join(', '), fromS, toS: options.sinceS() };
}

async function restartCouchDb({ restartCommand, sinceS, say }: BreakageOptions): Promise<string> {
  say(`CouchDB is restarted after ${sinceS().toFixed(1)} s`);
  if (restartCommand === undefined) throw new Error('no command is known that restarts CouchDB');
  await promisify(exec)(restartCommand);
  return 'CouchDB';
}

async function killGateway({ centre, sinceS, say }: BreakageOptions): Promise<string> {
  const gateway = centre.gateways.at(-1);
  if (!gateway) throw new Error('there is no gateway to kill');
  say(`${gateway.name} is killed after ${sinceS().toFixed(1)} s`);
  await gateway.kill('SIGKILL');
  await sleep(GATEWAY_GONE_MS);
  await gateway.start();
  return gateway.name;
}
