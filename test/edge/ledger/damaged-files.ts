/** What a failing disk does to files, at random places. */
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SeededRandom } from '../../../sim/random.js';

export const DAMAGES = ['flip', 'zero', 'cut', 'empty', 'delete'] as const;
export type Damage = (typeof DAMAGES)[number];

/** Damages one of a closed database's files and says what it did. */
export async function damageFile(folder: string, damage: Damage, random: SeededRandom): Promise<string> {
  const names = (await readdir(folder)).filter((name) => !/^(LOCK|LOG|LOG\.old)$/.test(name)).sort();
  const name = names[random.integer(0, names.length - 1)] ?? '';
  const file = path.join(folder, name);
  const content = await readFile(file);
  const at = random.integer(0, Math.max(0, content.length - 1));
  if (damage === 'flip') content[at] = (content[at] ?? 0) ^ (1 << random.integer(0, 7));
  if (damage === 'zero') content.fill(0, at, Math.min(at + 4096, content.length));
  if (damage === 'flip' || damage === 'zero') await writeFile(file, content);
  if (damage === 'cut') await truncate(file, at);
  if (damage === 'empty') await truncate(file, 0);
  if (damage === 'delete') await rm(file);
  return `${damage} ${name} at ${at} of ${content.length}`;
}
