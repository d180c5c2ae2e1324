/** Texts of fuzzed requests: bodies that are right or not, and parts of paths. */
import type { SeededRandom } from '../../../sim/random.js';
import { brokenText, deepJson, hostileValue } from './hostile-values.js';

/** A body that is right, nearly right, another thing, or no JSON. */
export function textOf(random: SeededRandom, right: unknown): string {
  const kind = random.integer(0, 99);
  if (kind < 84) return JSON.stringify(right);
  if (kind < 92) return brokenText(random, JSON.stringify(right));
  if (kind < 98) return JSON.stringify(hostileValue(random));
  return kind === 98 ? '' : deepJson(random);
}

/** Half a character pair cannot be encoded: it goes as the bytes it would have. */
export function encoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text).slice(0, 6000) : '%ed%a0%80';
}
