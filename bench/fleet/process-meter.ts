/**
 * What processes take: the most memory each ever had resident, and processor time, over all its lives where it is killed
 * and started again. Nothing is told where there is no /proc.
 */
import { sleep } from '../../shared/time.js';
import { processorS, residentMemory } from '../support/process-figures.js';

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
