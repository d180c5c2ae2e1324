/** What a failing disk does to files at rest: cut off, zeroed, bits flipped, emptied, gone. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SeededRandom } from '../../sim/random.js';

type Damage = (bytes: Uint8Array, random: SeededRandom) => Uint8Array | undefined;

const DAMAGES: Readonly<Record<string, Damage>> = {
  'cut off': (bytes, random) => bytes.slice(0, random.integer(0, Math.max(0, bytes.length - 1))),
  'zeroed in part': (bytes, random) => {
    const from = random.integer(0, bytes.length);
    return new Uint8Array(bytes).fill(0, from, from + random.integer(1, 8_192));
  },
  'flipped bits': (bytes, random) => {
    const flipped = new Uint8Array(bytes);
    for (let n = random.integer(1, 12); n > 0 && flipped.length > 0; n--) {
      const at = random.integer(0, flipped.length - 1);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.integer(0, 7));
    }
    return flipped;
  },
  'other sectors': (bytes, random) => {
    const from = 512 * random.integer(0, Math.floor(bytes.length / 512));
    const noise = Uint8Array.from({ length: Math.min(512, bytes.length - from) }, () => random.integer(0, 255));
    const changed = new Uint8Array(bytes);
    changed.set(noise, from);
    return changed;
  },
  emptied: () => new Uint8Array(0),
  deleted: () => undefined,
};

/** Harms one file in a way chosen at random; says in words what was done. */
export async function damageFile(folder: string, name: string, random: SeededRandom): Promise<string> {
  const kinds = Object.keys(DAMAGES);
  const kind = kinds[random.integer(0, kinds.length - 1)] ?? '';
  const file = path.join(folder, name);
  const bytes = new Uint8Array(await readFile(file));
  const harmed = DAMAGES[kind]?.(bytes, random);
  if (harmed) await writeFile(file, harmed);
  else await rm(file);
  return `${name} (${bytes.length} bytes) ${kind}`;
}

/** LevelDB's own notes to people; nothing is read back from them. */
const NOTES = /\/(LOG|LOG\.old|LOCK)$/;

/** One to three different files of those given, tables and logs as likely as the small ones. */
export function chooseFiles(names: readonly string[], random: SeededRandom): string[] {
  const left = names.filter((name) => !NOTES.test(`/${name}`)).sort();
  return Array.from({ length: random.integer(1, 3) }, () => left.splice(random.integer(0, left.length - 1), 1)).flat();
}
