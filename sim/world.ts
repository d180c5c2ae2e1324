/**
 * Everything a simulation runs: a centre and two villages in a temporary folder, on the usual ports where these are
 * free.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { PostedType } from '../shared/documents.js';
import type { Service } from '../shared/service.js';
import { SimulatedCentre } from './centre.js';
import type { PostedFields } from './meters.js';
import { freePort, preferredPort } from './ports.js';
import { type LinkProfile, SimulatedVillage } from './village.js';

/** What the person who starts a simulation chooses. */
export interface SimulationChoice {
  /** Customer meters in each village. */
  meters: number;
  /** Simulated seconds per second. */
  speed: number;
  seed: number;
}

export interface WorldOptions extends SimulationChoice {
  link: LinkProfile;
  /** Tries 8090, 8081 and 8082 first; else any free ports. */
  usualPorts: boolean;
  /** So many days ago the simulated time begins; it ends with this machine's. */
  daysAgo: number;
  /** Told what the node of each village has acknowledged. */
  onAcknowledged?: (village: string, type: PostedType, documents: readonly PostedFields[]) => void;
}

const CENTRE_PORT = 8090;
const VILLAGES = [
  { id: 'bamenda', usualPort: 8081, utcOffsetH: 1 },
  { id: 'kitui', usualPort: 8082, utcOffsetH: 3 },
] as const;

export const VILLAGE_IDS: readonly string[] = VILLAGES.map(({ id }) => id);

const DAY_MS = 86_400_000;
/** Early morning in both villages, so that the sun rises within seconds. */
const START_HOUR_UTC = 3;

export class SimulatedWorld implements Service {
  readonly name = 'simulation';
  readonly centre: SimulatedCentre;
  readonly villages: readonly SimulatedVillage[];
  /** The usual ports that were taken. */
  readonly portsTaken: readonly number[];
  readonly #folder: string;

  private constructor(
    folder: string,
    centre: SimulatedCentre,
    villages: readonly SimulatedVillage[],
    taken: readonly number[],
  ) {
    this.#folder = folder;
    this.centre = centre;
    this.villages = villages;
    this.portsTaken = taken;
  }

  /** Chooses ports and makes the folder; nothing runs yet. `stop` removes the folder, also without a start. */
  static async create(options: WorldOptions): Promise<SimulatedWorld> {
    const { link, meters, speed, seed, usualPorts, daysAgo, onAcknowledged } = options;
    const choose = (port: number) => (usualPorts ? preferredPort(port) : freePort());
    const folder = await mkdtemp(path.join(os.tmpdir(), 'solar-sync-sim-'));
    const taken: number[] = [];
    const centre = new SimulatedCentre({ port: await choose(CENTRE_PORT), dataPath: path.join(folder, 'central') });
    if (usualPorts && centre.port !== CENTRE_PORT) taken.push(CENTRE_PORT);
    const startAtMs = Math.floor(Date.now() / DAY_MS - daysAgo) * DAY_MS + START_HOUR_UTC * 3_600_000;
    const villages: SimulatedVillage[] = [];
    for (const { id, usualPort, utcOffsetH } of VILLAGES) {
      const port = await choose(usualPort);
      if (usualPorts && port !== usualPort) taken.push(usualPort);
      const dataPath = path.join(folder, id);
      const listener = onAcknowledged && {
        onAcknowledged: (type: PostedType, documents: readonly PostedFields[]) => onAcknowledged(id, type, documents),
      };
      villages.push(
        new SimulatedVillage({
          id,
          centre,
          port,
          dataPath,
          link,
          meters,
          speed,
          seed,
          startAtMs,
          utcOffsetH,
          ...listener,
        }),
      );
    }
    return new SimulatedWorld(folder, centre, villages, taken);
  }

  /** Rejects with the first failure, and only when nothing is starting any more; `stop` then ends what runs. */
  async start(): Promise<void> {
    await this.centre.start();
    throwFirst(await Promise.allSettled(this.villages.map((village) => village.start())));
  }

  /** Ends every process and removes the folder; the first failure is thrown after everything has been tried. */
  async stop(): Promise<void> {
    const results = await Promise.allSettled(this.villages.map((village) => village.stop()));
    results.push(...(await Promise.allSettled([this.centre.stop()])));
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    throwFirst(results);
  }
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
