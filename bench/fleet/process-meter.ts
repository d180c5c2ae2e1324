/**
 * What processes take: the most memory each ever had resident, and processor time, over all its lives where it is killed
 * and started again. Nothing is told where there is no /proc.
 */
import { readFile } from 'node:fs/promises';
import { sleep } from '../../shared/time.js';
import { residentMemory } from '../support/process-figures.js';

export interface ProcessFigures {
  name: string;
  peakMiB: number;
  processorS: number;
}

interface Metered {
  readonly name: string;
  readonly pid: number | undefined;
}

/** A process that is killed takes what it did since the last look with it. */
const EVERY_MS = 250;
/** Linux counts in hundredths of a second for everybody who asks /proc, whatever its own clock does. */
const TICKS_PER_S = 100;

export class ProcessMeter {
  readonly #processes: readonly Metered[];
  readonly #peakMiB = new Map<string, number>();
  /** By name and pid, at the last look. */
  readonly #processorS = new Map<string, Map<number, number>>();
  /** What they had taken when the meter was started. */
  readonly #before = new Map<number, number>();
  readonly #ended = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  constructor(processes: readonly Metered[]) {
    this.#processes = processes;
  }

  /** From now on; what a process took before does not count as processor time. */
  async start(): Promise<void> {
    for (const { pid } of this.#processes) if (pid !== undefined) this.#before.set(pid, (await processorS(pid)) ?? 0);
    this.#looking = this.#lookOn();
  }

  /** Those of whom the system tells. */
  async stop(): Promise<ProcessFigures[]> {
    this.#ended.abort();
    await this.#looking;
    return [...this.#peakMiB].map(([name, peakMiB]) => {
      const lives = [...(this.#processorS.get(name) ?? [])];
      const taken = lives.map(([pid, seconds]) => seconds - (this.#before.get(pid) ?? 0));
      return { name, peakMiB, processorS: taken.reduce((sum, seconds) => sum + seconds, 0) };
    });
  }

  async #lookOn(): Promise<void> {
    for (;;) {
      for (const process of this.#processes) await this.#look(process);
      if (this.#ended.signal.aborted) return;
      await sleep(EVERY_MS, this.#ended.signal);
    }
  }

  async #look({ name, pid }: Metered): Promise<void> {
    if (pid === undefined) return;
    const [memory, seconds] = await Promise.all([residentMemory(pid), processorS(pid)]);
    if (!memory || seconds === undefined) return;
    this.#peakMiB.set(name, Math.max(this.#peakMiB.get(name) ?? 0, memory.peakMiB));
    const lives = this.#processorS.get(name) ?? new Map<number, number>();
    this.#processorS.set(name, lives.set(pid, seconds));
  }
}

async function processorS(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold anything; user and system time are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) / TICKS_PER_S;
}
