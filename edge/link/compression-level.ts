/**
 * How hard to compress: as hard as can be done while the link is busy with something else.
 *
 * Two batches are in flight, so one is encoded while the other travels: compressing costs nothing as long as it takes
 * clearly less time than sending. On 2G that is the strongest Brotli, on a LAN a quick level.
 */

export type Coding = 'gzip' | 'br';

/** What a level costs and gives. */
interface Level {
  level: number;
  /** Milliseconds of processor per plain megabyte. */
  msPerMb: number;
  /** Compressed bytes per plain byte. */
  ratio: number;
}

/**
 * Strongest first, measured with 1,000 readings (docs/adr/0013-compression.md); levels that another beats in time and
 * comes close to in size are left out.
 */
const LEVELS: Record<Coding, readonly [Level, ...Level[]]> = {
  br: [
    { level: 11, msPerMb: 2_700, ratio: 0.077 },
    { level: 10, msPerMb: 670, ratio: 0.079 },
    { level: 4, msPerMb: 16, ratio: 0.086 },
  ],
  gzip: [
    { level: 9, msPerMb: 49, ratio: 0.125 },
    { level: 7, msPerMb: 34, ratio: 0.126 },
    { level: 5, msPerMb: 18, ratio: 0.133 },
    { level: 1, msPerMb: 9, ratio: 0.175 },
  ],
};

/** The share of the sending time that compressing may take. */
const SHARE = 0.7;
/** So long compressing may take whatever the link: nobody notices. */
const UNNOTICED_MS = 20;
/** How much one measurement moves what is believed of the processor. */
const WEIGHT = 0.3;
/** Smaller bodies measure the way to the thread pool and back. */
const MEASURE_FROM_BYTES = 50_000;

/** The strongest level that can be afforded for so many plain bytes; `slowness` as from `slownessAfter`. */
export function chooseLevel(coding: Coding, plainBytes: number, bytesPerS: number, slowness: number): number {
  const levels = LEVELS[coding];
  const affordable = levels.find(({ msPerMb, ratio }) => {
    const encodeMs = (plainBytes / 1e6) * msPerMb * slowness;
    const sendMs = ((plainBytes * ratio) / bytesPerS) * 1000;
    return encodeMs <= Math.max(UNNOTICED_MS, SHARE * sendMs);
  });
  return (affordable ?? levels[levels.length - 1] ?? levels[0]).level;
}

/**
 * How many times slower than the table this processor is, after it compressed so many plain bytes in so long. Levels
 * keep their proportions from one processor to the next; a processor with other work to do counts as slower.
 */
export function slownessAfter(
  slowness: number,
  coding: Coding,
  level: number,
  plainBytes: number,
  encodeMs: number,
): number {
  const known = LEVELS[coding].find((one) => one.level === level);
  if (!known || plainBytes < MEASURE_FROM_BYTES) return slowness;
  const measured = encodeMs / ((plainBytes / 1e6) * known.msPerMb);
  return slowness * (1 - WEIGHT) + Math.min(measured, 10 * slowness) * WEIGHT;
}

const MIN_WINDOW = 10;
const MAX_WINDOW = 18;
/** Brotli's window is so many bytes less than a power of two. */
const WINDOW_LOSS_BYTES = 16;

/** From this level on Brotli finds out by itself which repetitions pay. */
const STRONG_LEVEL = 10;
const STRONG_REACH_ROWS = 8;
const QUICK_REACH_ROWS = 2;

/**
 * Brotli's window, as the power of two. In similar rows most of what is worth repeating stands in the two before; farther
 * back there are digits that match by chance, and a quick level falls for them. A strong one does not, and finds there the
 * time of the reading, when a device has more than two.
 */
export function brotliWindow(level: number, plainBytes: number, rowBytes: number | undefined): number {
  const rows = level >= STRONG_LEVEL ? STRONG_REACH_ROWS : QUICK_REACH_ROWS;
  const reach = Math.min(plainBytes, rowBytes === undefined ? plainBytes : rows * rowBytes);
  const window = Math.ceil(Math.log2(reach + WINDOW_LOSS_BYTES));
  return Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, window));
}
