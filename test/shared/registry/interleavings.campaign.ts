/**
 * What the registry promises of any order of events on three replicas: edits, deletions, merges, settlements, crashes in
 * the middle of a write, edits by tools that keep no history, and links that lose what they please.
 */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Registry } from '../../../shared/registry/registry.js';
import type { RegistryView } from '../../../shared/registry/registry-view.js';
import { SeededRandom } from '../../../sim/random.js';
import { testSeed } from '../../support/seeds.js';
import { Crash, MemoryLeaves } from './memory-leaves.js';

const SEEDS = Number(process.env.REGISTRY_SEEDS ?? 200);
const STEPS = 60;
const DEVICES = ['a', 'b'];
const START_MS = Date.UTC(2026, 10, 1);
/** Rounds of exchange within which everybody must agree, once everything comes through. */
const ROUNDS = 6;

/** An edit that was answered. */
interface Made {
  id: string;
  author: string;
}

class World {
  readonly #random: SeededRandom;
  readonly #leaves = [new MemoryLeaves(), new MemoryLeaves(), new MemoryLeaves()];
  #registries: Registry[];
  #made = 0;
  #nowMs = START_MS;
  readonly edits: Made[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#registries = this.#leaves.map((leaves, index) => this.#open(leaves, index));
  }

  async step(): Promise<void> {
    // Clocks of villages go wrong.
    this.#nowMs += this.#random.integer(-50_000, 100_000);
    const [site, id] = [this.#random.integer(0, 2), this.#pick(DEVICES)];
    const choice = this.#random.next();
    if (choice < 0.35) await this.#crashing(site, () => this.#edit(site, id));
    else if (choice < 0.42) await this.#crashing(site, () => this.#remove(site, id));
    else if (choice < 0.55) await this.#crashing(site, () => this.#settle(site, id));
    else if (choice < 0.6) await this.#tool(site, id);
    else if (choice < 0.7) await this.#crashing(site, () => this.#registry(site).tend());
    else this.#replicate(site, (site + this.#random.integer(1, 2)) % 3);
  }

  /** Everything comes through; resolves with how each replica sees the registry. */
  async agree(): Promise<object[]> {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [to, leaves] of this.#leaves.entries()) {
        for (const other of this.#leaves) leaves.pullFrom(other, this.#random, 0);
        await this.#registry(to).tend();
      }
    }
    return Promise.all(this.#registries.map(viewOf));
  }

  async tracedAuthors(site: number): Promise<Set<string>> {
    const traces = await Promise.all(
      DEVICES.map((id) => this.#registry(site).history({ type: 'device', id }, { limit: 10_000 })),
    );
    return new Set(traces.flat().flatMap(({ kind, authors }) => (kind === 'merge' ? [] : authors)));
  }

  async #edit(site: number, id: string): Promise<void> {
    const registry = this.#registry(site);
    const before = await registry.get('device', id);
    const fields = { model: 'M', serial: 'S', role: 'other', ...before } as Record<string, unknown>;
    for (let count = this.#random.integer(1, 2); count > 0; count--) {
      const name = this.#pick(['model', 'serial', 'phase', 'extra1', 'extra2']);
      const value = this.#random.integer(1, 3);
      if (name.startsWith('extra') && this.#random.next() < 0.3) delete fields[name];
      else fields[name] = name === 'phase' ? value : `${value}`;
    }
    const author = this.#author();
    const { view } = await registry.put('device', id, fields, { author, ifMatch: before?._rev });
    if (view._rev !== before?._rev) this.edits.push({ id, author });
  }

  async #remove(site: number, id: string): Promise<void> {
    const registry = this.#registry(site);
    const before = await registry.get('device', id);
    if (!before) return;
    const author = this.#author();
    await registry.remove('device', id, { author, ifMatch: before._rev });
    this.edits.push({ id, author });
  }

  async #settle(site: number, id: string): Promise<void> {
    const registry = this.#registry(site);
    const conflict = (await registry.conflicts()).find((one) => one.id === id);
    if (!conflict) return;
    const { rev, doc } = this.#pick(conflict.versions);
    const author = this.#author();
    const merged = this.#random.next() < 0.3 && doc !== undefined;
    await registry.settle('device', id, merged ? { doc: { ...doc, model: 'merged' } } : { keep: rev }, {
      ...{ author, ifMatch: conflict.winner },
    });
    this.edits.push({ id, author });
  }

  /** An edit by a tool that changes a field and leaves the rest of the body alone. */
  async #tool(site: number, id: string): Promise<void> {
    const leaves = this.#leaves[site] as MemoryLeaves;
    const [leaf] = (await leaves.leaves(`device:${id}`)).filter(({ deleted }) => !deleted);
    if (!leaf) return;
    await leaves.put(`device:${id}`, leaf, {
      deleted: false,
      body: { ...leaf.body, model: `${this.#random.integer(1, 3)}` },
    });
  }

  /** Sometimes the process ends in the middle of what it writes, and begins anew. */
  async #crashing(site: number, work: () => Promise<unknown>): Promise<void> {
    const leaves = this.#leaves[site] as MemoryLeaves;
    if (this.#random.next() < 0.2) leaves.crashAfter = this.#random.integer(0, 3);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    if (leaves.crashAfter !== undefined) this.#registries[site] = this.#open(leaves, site);
    leaves.crashAfter = undefined;
  }

  #replicate(from: number, to: number): void {
    const [source, target] = [this.#leaves[from] as MemoryLeaves, this.#leaves[to] as MemoryLeaves];
    target.pullFrom(source, this.#random, this.#random.next() < 0.5 ? 0 : this.#random.next());
  }

  #open(leaves: MemoryLeaves, site: number): Registry {
    const random = () =>
      this.#random
        .integer(0, 2 ** 31 - 1)
        .toString(36)
        .padStart(7, '0');
    return new Registry({ leaves, now: () => this.#nowMs + site * 3_600_000, random });
  }

  #registry(site: number): Registry {
    return this.#registries[site] as Registry;
  }

  #author(): string {
    return `author-${++this.#made}`;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.integer(0, list.length - 1)] as T;
  }
}

async function viewOf(registry: Registry): Promise<object> {
  const documents: RegistryView[] = await registry.list();
  return {
    documents,
    conflicts: await registry.conflicts(),
    traces: await registry.history(undefined, { limit: 10_000 }),
  };
}

describe('three replicas of a registry', () => {
  const first = testSeed();
  it(`agree on documents, conflicts and traces whatever happened, and no edit is without a trace (${SEEDS} seeds from TEST_SEED=${first})`, async function () {
    this.timeout(60_000 + SEEDS * 500);
    for (let seed = first; seed < first + SEEDS; seed++) {
      const world = new World(seed);
      for (let step = 0; step < STEPS; step++) await world.step();
      const [one, two, three] = await world.agree();
      expect(two, `TEST_SEED=${seed}: the first and the second`).to.deep.equal(one);
      expect(three, `TEST_SEED=${seed}: the first and the third`).to.deep.equal(one);
      const traced = await world.tracedAuthors(0);
      for (const { id, author } of world.edits) {
        expect(traced.has(author), `TEST_SEED=${seed}: the edit of ${id} by ${author} has a trace`).to.equal(true);
      }
    }
  });
});
