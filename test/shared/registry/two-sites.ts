/** A village and a centre with a registry each, and a link between them. */
import { Registry } from '../../../shared/registry/registry.js';
import { SeededRandom } from '../../../sim/random.js';
import { MemoryLeaves } from './memory-leaves.js';

export class Site {
  readonly leaves = new MemoryLeaves();
  readonly registry: Registry;
  readonly #name: string;

  constructor(name: string, now: () => number) {
    this.#name = name;
    this.registry = new Registry({ leaves: this.leaves, now });
  }

  /** Gives fields another value; undefined removes one. */
  async edit(type: string, id: string, change: object): Promise<void> {
    const before = await this.registry.get(type, id);
    const fields = Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined);
    await this.registry.put(type, id, Object.fromEntries(fields), { author: this.#name, ifMatch: before?._rev });
  }

  async remove(type: string, id: string): Promise<void> {
    await this.registry.remove(type, id, { author: this.#name, ifMatch: '*' });
  }
}

export interface TwoSites {
  village: Site;
  centre: Site;
  /** Everything crosses, both ways, until both sides are done with it. */
  meet(): Promise<void>;
}

/** Both have one clock, which goes on by a minute each time it is read. */
export function twoSites(startMs = Date.UTC(2026, 10, 1)): TwoSites {
  let nowMs = startMs;
  const now = () => {
    nowMs += 60_000;
    return nowMs;
  };
  const [village, centre] = [new Site('village:a', now), new Site('admin', now)];
  const random = new SeededRandom(1);
  const meet = async () => {
    for (let round = 0; round < 3; round++) {
      centre.leaves.pullFrom(village.leaves, random, 0);
      village.leaves.pullFrom(centre.leaves, random, 0);
      await Promise.all([village.registry.tend(), centre.registry.tend()]);
    }
  };
  return { village, centre, meet };
}
