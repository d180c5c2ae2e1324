/**
 * A village with a real node: `solar-edge start` over a folder of its own with a backlog, and at 2 AM `solar-edge
 * replicate --once` as a process of its own, with the arguments and the tries of the CronJob.
 */
import { spawn } from 'node:child_process';
import { ProgramClient } from '../../shared/http/client.js';
import { sleep } from '../../shared/time.js';
import { guardChild } from '../../sim/child-guard.js';
import { freePort } from '../../sim/ports.js';
import { baseEnvironment, ProgramProcess, programEntry } from '../../sim/processes.js';
import type { BenchReading } from '../support/readings.js';
import { villageReadings } from './village-load.js';

export interface EdgeVillageOptions {
  id: string;
  password: string;
  /** Where the gateways answer. */
  origin: string;
  folder: string;
  readings: number;
}

interface NodeStatus {
  store: { pending: number; lastSeq: number; quarantined: number; lost: number };
}

/** `k8s/base/edge/cron-job.yaml`. */
const DEADLINE_S = 540;
const BACKOFF_LIMIT = 3;
/** Kubernetes starts a failed pod again after 10 s, 20 s, 40 s. */
const FIRST_BACKOFF_MS = 10_000;
const POST_READINGS = 2_000;

export class EdgeVillage {
  readonly id: string;
  readonly readings: readonly BenchReading[];
  readonly #node: ProgramProcess;
  readonly #client: ProgramClient;

  private constructor({ id, password, origin, folder, readings }: EdgeVillageOptions, port: number) {
    this.id = id;
    this.readings = villageReadings(id, readings);
    const url = `http://127.0.0.1:${port}`;
    this.#client = new ProgramClient({ url, peer: `the node of ${id}` });
    this.#node = new ProgramProcess({
      name: `the node of ${id}`,
      entry: programEntry('edge'),
      args: ['start'],
      env: {
        // As the image starts it.
        MALLOC_ARENA_MAX: '1',
        ...{ VILLAGE_ID: id, API_URL: origin, CENTRAL_PASSWORD: password },
        ...{ LOCAL_CACHE_PATH: folder, EDGE_PORT: String(port), MIN_FREE_MB: '0' },
        // The CronJob alone asks for it.
        ...{ SYNC_MODE: 'scheduled', SYNC_SCHEDULE: 'off' },
        ...{ LOG_LEVEL: 'error', LOG_FORMAT: 'json' },
      },
      url,
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 30_000,
    });
  }

  static async create(options: EdgeVillageOptions): Promise<EdgeVillage> {
    return new EdgeVillage(options, await freePort());
  }

  /** Starts the node and gives it its backlog. */
  async start(): Promise<void> {
    await this.#node.start();
    const headers = { 'Content-Type': 'application/json' };
    for (let from = 0; from < this.readings.length; from += POST_READINGS) {
      const body = JSON.stringify(this.readings.slice(from, from + POST_READINGS));
      await this.#client.json('/v1/readings', { method: 'POST', headers, body });
    }
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }

  async kill(): Promise<void> {
    await this.#node.kill('SIGKILL');
  }

  /** The job: resolves with its tries when one has ended with exit code 0. Rejects as the job fails. */
  async replicateAsJob(signal: AbortSignal): Promise<number> {
    for (let tries = 1; ; tries++) {
      const { code, said } = await this.#replicateOnce(signal);
      if (code === 0) return tries;
      signal.throwIfAborted();
      if (code !== 1 || tries > BACKOFF_LIMIT)
        throw new Error(`${this.id}: replicate --once ended with ${code}: ${said}`);
      await sleep(FIRST_BACKOFF_MS * 2 ** (tries - 1), signal);
    }
  }

  /** Documents the node has numbered; fails unless each of them counts as delivered. */
  async numbered(): Promise<number> {
    const { store } = await this.#client.json<NodeStatus>('/v1/status');
    const { pending, quarantined, lost, lastSeq } = store;
    if (pending + quarantined + lost === 0) return lastSeq;
    throw new Error(`${this.id}: ${pending} documents pending, ${quarantined} in quarantine, ${lost} lost`);
  }

  #replicateOnce(signal: AbortSignal): Promise<{ code: number | null; said: string }> {
    const flags = ['replicate', '--once', '--edge', this.#node.url, '--deadline', String(DEADLINE_S), '--json'];
    const child = spawn(process.execPath, [programEntry('edge'), ...flags], {
      env: { ...baseEnvironment(), VILLAGE_ID: this.id },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    guardChild(child);
    let said = '';
    const hear = (text: string) => {
      said = (said + text).slice(-500);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    return new Promise((resolve) => {
      child.once('error', () => undefined);
      child.once('close', (code) => resolve({ code, said: said.trim() }));
    });
  }
}
