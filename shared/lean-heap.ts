/**
 * Keeps V8's heap small on a board whose memory has better uses: by itself V8 lets garbage grow to four times what lives,
 * and gives the newest objects up to 48 MiB.
 *
 * Node takes the size of the young generation only on its command line, which is not the program's to write; but V8 looks
 * up the factor by which it grows each time it would, and takes that at any time. What this saves and costs is measured
 * in docs/adr/0016-lean-heap.md.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** By how much the old generation may outgrow what lives before it is collected. */
const OLD_GROWTH_PERCENT = 50;
/** Each of the two halves of the young generation. */
const HALF_BYTES = 8 * 1024 * 1024;
/** Survivors that make it grow, and how often they are tried: more than enough, and never for ever. */
const SURVIVORS = 20_000;
const MAX_TRIES = 50;

/** From now on, as long as the process lives. To be called before anything else is loaded: it never shrinks to order. */
export function keepHeapLean(): void {
  limitOldGeneration(OLD_GROWTH_PERCENT);
  growYoung();
  // In quiet times V8 makes it small again.
  const observer = new PerformanceObserver(growYoung);
  observer.observe({ entryTypes: ['gc'] });
}

/** By how many percent the old generation may outgrow what lives before it is collected, from now on. */
export function limitOldGeneration(growthPercent: number): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}

/** Has it grow once, by what it lacks, and no further. */
function growYoung(): void {
  const before = halfBytes();
  const factor = Math.round(HALF_BYTES / before);
  setFlagsFromString(`--semi-space-growth-factor=${Math.max(1, factor)}`);
  if (factor <= 1) return;
  for (let tries = 0; tries < MAX_TRIES && halfBytes() < 1.5 * before; tries++) survive();
  setFlagsFromString('--semi-space-growth-factor=1');
}

function survive(): number {
  const survivors = Array.from({ length: SURVIVORS }, (_, n) => ({ n }));
  return survivors.length;
}

/** Some pages less than what V8 has set aside for it. */
function halfBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young ? young.space_used_size + young.space_available_size : HALF_BYTES;
}
