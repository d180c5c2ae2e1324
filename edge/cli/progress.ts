/**
 * How long work shows its progress: a bar on a terminal, one JSON line per step on standard output with `--json`,
 * nothing where nobody watches. The bar goes to standard error, so that results can be piped.
 */
import cliProgress from 'cli-progress';
import { print } from '../../shared/cli.js';

export interface ProgressStep {
  /** In any unit; `total` may grow from step to step. */
  done: number;
  total: number;
  /** What stands behind the bar, such as `1,200 sent, 300 pending`. */
  note: string;
  /** The JSON line of this step. */
  event: object;
}

export interface Progress {
  update(step: ProgressStep): void;
  /** Takes the bar off the terminal; results may be printed afterwards. Idempotent. */
  stop(): void;
}

export interface ProgressOptions {
  json: boolean;
  /** What is being done, before the bar: `importing weather.csv`. */
  label: string;
  /** Where the bar goes if it is a terminal; standard error unless given. */
  stream?: NodeJS.WritableStream & { isTTY?: boolean };
  /** Where JSON lines go. */
  printLine?: (line: string) => void;
}

export function createProgress({ json, label, stream = process.stderr, printLine = print }: ProgressOptions): Progress {
  if (json) return { update: ({ event }) => printLine(JSON.stringify(event)), stop: () => undefined };
  if (stream.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  return barProgress(label, stream);
}

function barProgress(label: string, stream: NodeJS.WritableStream): Progress {
  const bar = new cliProgress.SingleBar({
    stream,
    // Braces would be taken for placeholders.
    format: `${label.replace(/[{}]/g, '')} [{bar}] {percentage}%  {note}`,
    barsize: 24,
    clearOnComplete: true,
    hideCursor: false,
  });
  let running = false;
  return {
    update({ done, total, note }) {
      // A total of 0 has no percentage; an empty job is a finished one.
      const [value, end] = total > 0 ? [Math.min(done, total), total] : [1, 1];
      if (running) bar.setTotal(end);
      else bar.start(end, value, { note });
      running = true;
      bar.update(value, { note });
    },
    stop() {
      if (running) bar.stop();
      running = false;
    },
  };
}
