/**
 * How hard to compress: as hard as can be done while the link is busy with something else.
 *
 * Two batches are in flight, so one is encoded while the other travels: compressing costs nothing as long as it takes
 * clearly less time than sending. On 2G that is the strongest Brotli, on a LAN a quick level.
 */

export type Coding = 'gzip' | 'br';

/** What a level costs and gives, measured over batches of readings (docs/adr/0013-compression.md). */
interface Level {
  level: number;
  /** Milliseconds per plain megabyte on the machine they were measured on. */
  msPerMb: number;
  /** Compressed bytes per plain byte. */
  ratio: number;
}

/** Strongest first; levels that others beat in both time and size are left out. */
const LEVELS: Record<Coding, readonly [Level, ...Level[]]> = {
  br: [
    { level: 11, msPerMb: 1_000, ratio: 0.075 },
    { level: 9, msPerMb: 100, ratio: 0.09 },
    { level: 5, msPerMb: 30, ratio: 0.1 },
    { level: 4, msPerMb: 20, ratio: 0.105 },
  ],
  gzip: [
    { level: 9, msPerMb: 60, ratio: 0.11 },
    { level: 6, msPerMb: 40, ratio: 0.11 },
    { level: 1, msPerMb: 12, ratio: 0.14 },
  ],
};

/** The share of the sending time that compressing may take. */
const SHARE = 0.5;
/** So long compressing takes may always. */
const ALWAYS_MS = 20;
/** How much one measurement moves what is believed of the processor. */
const WEIGHT = 0.3;

/** The strongest level that can be afforded for so many plain bytes; `slowness` as from `slownessAfter`. */
export function chooseLevel(coding: Coding, plainBytes: number, bytesPerS: number, slowness: number): number {
  const levels = LEVELS[coding];
  const affordable = levels.find(({ msPerMb, ratio }) => {
    const encodeMs = (plainBytes / 1e6) * msPerMb * slowness;
    const sendMs = ((plainBytes * ratio) / bytesPerS) * 1000;
    return encodeMs <= Math.max(ALWAYS_MS, SHARE * sendMs);
  });
  return (affordable ?? levels[levels.length - 1] ?? levels[0]).level;
}

/**
 * How many times slower than the table this processor is, after it compressed so many plain bytes in so long; levels
 * keep their proportions from one processor to the next. Also above 1 where the processor has other work.
 */
export function slownessAfter(
  slowness: number,
  coding: Coding,
  level: number,
  plainBytes: number,
  encodeMs: number,
): number {
  const known = LEVELS[coding].find((one) => one.level === level);
  // Small bodies measure the way to the thread pool and back.
  if (!known || plainBytes < 50_000) return slowness;
  const measured = encodeMs / ((plainBytes / 1e6) * known.msPerMb);
  return slowness * (1 - WEIGHT) + Math.min(measured, 10 * slowness) * WEIGHT;
}
