/**
 * A village of a simulation: its link to the centre, its node (`solar-edge start`) behind that link, and its devices.
 *
 * The link, the node and the devices can be broken and mended one by one; starting the village again keeps the node's
 * data.
 */
import type { PostedType } from '../shared/documents.js';
import { ProgramClient } from '../shared/http/client.js';
import { type Service, ServiceGroup } from '../shared/service.js';
import type { SimulatedCentre } from './centre.js';
import { SimulatedLink } from './link.js';
import { MeterFleet } from './meter-fleet.js';
import type { PostedFields } from './meters.js';
import { ProgramProcess, programEntry } from './processes.js';
import { seedFor } from './random.js';

export interface LinkProfile {
  bytesPerS: number;
  roundTripMs: number;
}

export interface SimulatedVillageOptions {
  id: string;
  centre: SimulatedCentre;
  port: number;
  dataPath: string;
  link: LinkProfile;
  meters: number;
  /** Simulated seconds per second. */
  speed: number;
  seed: number;
  startAtMs: number;
  utcOffsetH: number;
  onAcknowledged?: (type: PostedType, documents: readonly PostedFields[]) => void;
}

/** The parts of `GET /v1/status` that a simulation shows. */
export interface NodeStatus {
  store: { pending: number; lastSeq: number };
  link: { state: string };
  sync: { state: string };
}

/** A line of the answer to `POST /v1/replicate`. */
export type ReplicationLine =
  | { event: 'progress'; sent: number; pending: number }
  | { event: 'done'; ok: boolean; sent: number; pending: number; quarantined: number; error?: unknown };

/** Short, since a simulated outage is: a node must notice within seconds that its link is back. */
const NODE_SETTINGS = {
  SYNC_TIMEOUT: '5',
  CONNECTIVITY_INTERVAL: '1',
  SYNC_SCHEDULE: 'off',
  MIN_FREE_MB: '0',
  EDGE_HOST: '127.0.0.1',
  LOG_FORMAT: 'json',
};

export class SimulatedVillage implements Service {
  readonly name: string;
  readonly id: string;
  readonly url: string;
  readonly port: number;
  readonly link: SimulatedLink;
  readonly fleet: MeterFleet;
  readonly #options: SimulatedVillageOptions;
  readonly #client: ProgramClient;
  #node: ProgramProcess | undefined;
  #services: ServiceGroup | undefined;

  constructor(options: SimulatedVillageOptions) {
    const { id, port, link, meters, speed, seed, startAtMs, utcOffsetH, centre, onAcknowledged } = options;
    this.#options = options;
    this.name = `village ${id}`;
    this.id = id;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.link = new SimulatedLink({
      targetPort: centre.port,
      upBytesPerS: link.bytesPerS,
      downBytesPerS: link.bytesPerS,
      roundTripMs: link.roundTripMs,
    });
    this.fleet = new MeterFleet({
      nodeUrl: this.url,
      meters,
      speed,
      seed: seedFor(seed, id),
      startAtMs,
      utcOffsetH,
      ...(onAcknowledged ? { onAcknowledged } : {}),
    });
    this.#client = new ProgramClient({ url: this.url, peer: `the node of ${id}`, timeoutMs: 5_000 });
  }

  /** The node's process; only after the first start. */
  get node(): ProgramProcess {
    if (!this.#node) throw new Error(`${this.name} has not been started`);
    return this.#node;
  }

  /** Starts link, node and devices; the first time, the centre is asked to add the village. */
  async start(): Promise<void> {
    this.#services ??= await this.#join();
    await this.#services.start();
  }

  async stop(): Promise<void> {
    await this.#services?.stop();
  }

  status(): Promise<NodeStatus> {
    return this.#client.json<NodeStatus>('/v1/status');
  }

  /** Asks the node to replicate now; the lines of its answer as they come. */
  replicate(deadlineS: number): AsyncGenerator<ReplicationLine> {
    return this.#client.lines<ReplicationLine>('/v1/replicate', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ deadlineS }),
    });
  }

  async #join(): Promise<ServiceGroup> {
    const { id, centre, port, dataPath } = this.#options;
    const password = await centre.addVillage(id);
    await this.link.start();
    this.#node = new ProgramProcess({
      name: `the node of ${id}`,
      entry: programEntry('edge'),
      args: ['start'],
      env: {
        ...NODE_SETTINGS,
        VILLAGE_ID: id,
        API_URL: this.link.url,
        CENTRAL_PASSWORD: password,
        LOCAL_CACHE_PATH: dataPath,
        EDGE_PORT: String(port),
      },
      url: this.url,
    });
    return new ServiceGroup(this.name, [this.link, this.#node, this.fleet]);
  }
}
