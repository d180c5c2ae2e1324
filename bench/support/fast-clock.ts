/** Programs whose time runs faster than ours; how it is done is in `fast-clock-preload.ts`. */
export const EPOCH_VARIABLE = 'BENCH_CLOCK_EPOCH_MS';
export const SPEED_VARIABLE = 'BENCH_CLOCK_SPEED';

const PRELOAD = new URL('./fast-clock-preload.js', import.meta.url);

/**
 * Environment of a program whose time runs `speed` times as fast from `sinceMs` (milliseconds since 1970) on; several
 * programs with the same values share one time.
 */
export function fastClockEnvironment(speed: number, sinceMs: number): Record<string, string> {
  return {
    NODE_OPTIONS: `--import ${PRELOAD.href}`,
    [EPOCH_VARIABLE]: String(sinceMs),
    [SPEED_VARIABLE]: String(speed),
  };
}
