/** Ctrl-C, and whatever else asks a simulation to end, as an AbortSignal. */
import { EXIT } from '../shared/cli.js';

/** A terminal, npm and a shell may each pass on one and the same Ctrl-C. */
const SAME_CTRL_C_MS = 1_000;

/**
 * Aborted by the first SIGINT, SIGTERM or SIGHUP, and when nobody reads the output any more. Another signal, more than
 * a second later, ends this process at once.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  const onSignal = (): void => {
    firstMs ??= performance.now();
    if (performance.now() - firstMs > SAME_CTRL_C_MS) process.exit(EXIT.unfinished);
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.stdout.on('error', () => controller.abort());
  return controller.signal;
}
