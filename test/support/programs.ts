/** The two programs as child processes on free ports, for tests that start, kill and restart them. */
import { SimulatedCentre } from '../../sim/centre.js';
import { ProgramProcess, programEntry } from '../../sim/processes.js';
import { freePort } from './free-port.js';

/** A busy machine, and a program that is traced while it starts, take many times what a person waits for. */
const READY_TIMEOUT_MS = 60_000;

/** `solar-central start` with its data in a folder; not started yet. Further settings come as environment variables. */
export async function centreProgram(dataPath: string, env: Record<string, string> = {}): Promise<SimulatedCentre> {
  return new SimulatedCentre({ port: await freePort(), dataPath, env, readyTimeoutMs: READY_TIMEOUT_MS });
}

export interface EdgeProgramOptions {
  villageId: string;
  dataPath: string;
  /** Further settings, such as API_URL and CENTRAL_PASSWORD. */
  env?: Record<string, string>;
  /** A command to run it under, such as a tracer. */
  under?: readonly string[];
}

/** `solar-edge start` for a village; not started yet. Its own schedule is off and it asks for no spare disk space. */
export async function edgeProgram({
  villageId,
  dataPath,
  env = {},
  under = [],
}: EdgeProgramOptions): Promise<ProgramProcess> {
  const port = await freePort();
  const settings = {
    VILLAGE_ID: villageId,
    LOCAL_CACHE_PATH: dataPath,
    EDGE_PORT: String(port),
    SYNC_SCHEDULE: 'off',
    MIN_FREE_MB: '0',
  };
  return new ProgramProcess({
    name: `the node of ${villageId}`,
    entry: programEntry('edge'),
    args: ['start'],
    env: { ...settings, ...env },
    url: `http://127.0.0.1:${port}`,
    under,
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
}
