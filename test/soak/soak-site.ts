/**
 * What a soak wears on: a centre, a node with a disk of its own, the link between them and the meters before the node, all
 * in the accelerated time; and the blows they are dealt.
 */
import path from 'node:path';
import type { NodeStatus } from '../../edge/api/status.js';
import type { OneShotResult } from '../../edge/push/one-shot.js';
import type { PostedType } from '../../shared/documents.js';
import { ProgramClient } from '../../shared/http/client.js';
import { sleep, systemClock } from '../../shared/time.js';
import { SimulatedCentre } from '../../sim/centre.js';
import { SimulatedLink } from '../../sim/link.js';
import { MeterFleet } from '../../sim/meter-fleet.js';
import type { PostedFields } from '../../sim/meters.js';
import { freePort } from '../../sim/ports.js';
import { ProgramProcess, programEntry } from '../../sim/processes.js';
import { LogWatch } from './log-watch.js';
import type { SoakClock } from './soak-clock.js';
import { SoakDisk } from './soak-disk.js';

export const VILLAGE = 'kano';
const METERS = 5;
const UTC_OFFSET_H = 1;
const BUFFER_MB = 64;
/** Of real time, as a deadline of the link: what a busy machine may take for a few documents on loopback. */
const TIMEOUT_REAL_S = 6;
const LONGEST_TIMEOUT_S = 3_600;
/** Of real time; a machine with more to do takes its time. */
const START_WITHIN_MS = 120_000;

export interface SoakSiteOptions {
  folder: string;
  clock: SoakClock;
  seed: number;
  retentionDays: number;
  /** Where the logs of both programs are kept, if they are to be. */
  logFolder?: string | undefined;
  onAcknowledged: (type: PostedType, documents: readonly PostedFields[]) => void;
}

export class SoakSite {
  readonly clock: SoakClock;
  readonly centre: SimulatedCentre;
  readonly link: SimulatedLink;
  readonly edge: ProgramProcess;
  readonly fleet: MeterFleet;
  readonly disk: SoakDisk;
  readonly logs: { edge: LogWatch; centre: LogWatch };
  readonly centrePath: string;
  readonly edgeClient: ProgramClient;
  /** Filled by `start`, before the node is. */
  readonly #edgeEnv: Record<string, string>;
  #password = '';

  private constructor(options: SoakSiteOptions, disk: SoakDisk, ports: { edge: number; centre: number }) {
    const { clock, folder, seed, logFolder, onAcknowledged } = options;
    this.clock = clock;
    const log = (name: string, what: string): LogWatch =>
      new LogWatch(what, logFolder === undefined ? undefined : path.join(logFolder, `${name}.log`));
    this.logs = { edge: log('edge', 'the node'), centre: log('centre', 'the centre') };
    this.disk = disk;
    this.centrePath = path.join(folder, 'centre');
    this.centre = new SimulatedCentre({
      port: ports.centre,
      dataPath: this.centrePath,
      env: clock.environment({ canStep: false }),
      readyTimeoutMs: START_WITHIN_MS,
      onStderr: (text) => this.logs.centre.write(text),
    });
    this.link = new SimulatedLink({ targetPort: ports.centre });
    const url = `http://127.0.0.1:${ports.edge}`;
    this.#edgeEnv = { ...clock.environment({ canStep: true }), ...nodeSettings(options, ports.edge, disk.dataPath) };
    this.edge = new ProgramProcess({
      ...{ name: 'the node', entry: programEntry('edge'), args: ['start'], env: this.#edgeEnv, url },
      under: disk.under,
      readyTimeoutMs: START_WITHIN_MS,
      onStderr: (text) => this.logs.edge.write(text),
    });
    this.edgeClient = new ProgramClient({ url, peer: 'the node', timeoutMs: 10_000 });
    this.fleet = new MeterFleet({
      ...{ nodeUrl: url, meters: METERS, speed: clock.speed, seed },
      ...{ startAtMs: clock.now(), utcOffsetH: UTC_OFFSET_H, onAcknowledged },
      clock: { ...systemClock, now: () => clock.now() },
    });
  }

  /** Nothing runs yet but the disk. */
  static async create(options: SoakSiteOptions): Promise<SoakSite> {
    const disk = await SoakDisk.open({ folder: path.join(options.folder, 'disk'), bufferMb: BUFFER_MB });
    return new SoakSite(options, disk, { edge: await freePort(), centre: await freePort() });
  }

  /** The village's own credential at the centre, once it is started. */
  get credentials(): string {
    return Buffer.from(`${VILLAGE}:${this.#password}`).toString('base64');
  }

  async start(): Promise<void> {
    await this.centre.start();
    this.#password = await this.centre.addVillage(VILLAGE);
    await this.link.start();
    Object.assign(this.#edgeEnv, { API_URL: this.link.url, CENTRAL_PASSWORD: this.#password });
    await this.edge.start();
    await this.fleet.start();
  }

  /** Ends everything, whatever runs. */
  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.edge.stop();
    await this.centre.stop();
    await this.link.stop();
    await this.disk.close();
  }

  status(): Promise<NodeStatus> {
    return this.edgeClient.json<NodeStatus>('/v1/status');
  }

  /** SIGKILL, and a start `downMs` of real time later. */
  async killEdge(downMs: number): Promise<void> {
    await killed(this.edge, this.logs.edge, downMs);
  }

  async killCentre(downMs: number): Promise<void> {
    await killed(this.centre.process, this.logs.centre, downMs);
  }

  /** Asks the node to replicate now, and answers how that ended. */
  async replicate(): Promise<OneShotResult | undefined> {
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"maxRetries":50}',
    };
    let last: OneShotResult | undefined;
    for await (const line of this.edgeClient.lines<OneShotResult>('/v1/replicate', init)) last = line;
    return last;
  }
}

function nodeSettings(
  { clock, retentionDays, logFolder }: SoakSiteOptions,
  port: number,
  dataPath: string,
): Record<string, string> {
  return {
    VILLAGE_ID: VILLAGE,
    LOCAL_CACHE_PATH: dataPath,
    EDGE_PORT: String(port),
    SYNC_JITTER: '0',
    SYNC_TIMEOUT: String(Math.min(LONGEST_TIMEOUT_S, Math.round(TIMEOUT_REAL_S * clock.speed))),
    BUFFER_MAX_MB: String(BUFFER_MB),
    MIN_FREE_MB: '0',
    RETENTION_DAYS: String(retentionDays),
    LOG_FORMAT: 'json',
    ...(logFolder === undefined ? {} : { LOG_LEVEL: 'verbose' }),
  };
}

async function killed(program: ProgramProcess, log: LogWatch, downMs: number): Promise<void> {
  await program.kill('SIGKILL');
  log.cutOff();
  await sleep(downMs);
  await program.start();
}
