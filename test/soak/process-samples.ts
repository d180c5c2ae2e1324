/**
 * Looks at the two programs of a soak every second: memory, open handles, processor time, over all their lives.
 */
import { readdir, readFile } from 'node:fs/promises';
import { residentMemory } from '../../bench/support/process-figures.js';
import type { ProgramProcess } from '../../sim/processes.js';
import type { FlatSample } from './flatness.js';

/** As `getconf CLK_TCK` says on every Linux there is. */
const TICKS_PER_S = 100;

export interface ProcessLook {
  residentMiB: number;
  handles: number;
}

export class ProcessSamples {
  readonly memory: FlatSample[] = [];
  readonly handles: FlatSample[] = [];
  readonly #program: ProgramProcess;
  #pid: number | undefined;
  #bornMs = 0;
  /** Of lives that are over, and of the one that lasts. */
  #cpuS = { before: 0, now: 0 };

  constructor(program: ProgramProcess) {
    this.#program = program;
  }

  /** Processor time of all lives as far as it was seen, seconds. */
  get cpuS(): number {
    return this.#cpuS.before + this.#cpuS.now;
  }

  /** One look at `at`; undefined where the program does not run, or has just ended. */
  async look(at: number): Promise<ProcessLook | undefined> {
    const { pid } = this.#program;
    if (pid === undefined) return undefined;
    if (pid !== this.#pid) this.#bornAgain(pid);
    const [memory, handles, cpuS] = await Promise.all([residentMemory(pid), handlesOf(pid), cpuOf(pid)]);
    if (!memory || handles === undefined || cpuS === undefined) return undefined;
    this.#cpuS.now = cpuS;
    const ageS = (performance.now() - this.#bornMs) / 1000;
    this.memory.push({ at, ageS, cpuS, value: memory.residentMiB });
    this.handles.push({ at, ageS, cpuS, value: handles });
    return { residentMiB: memory.residentMiB, handles };
  }

  #bornAgain(pid: number): void {
    this.#pid = pid;
    this.#bornMs = performance.now();
    this.#cpuS = { before: this.cpuS, now: 0 };
  }
}

async function handlesOf(pid: number): Promise<number | undefined> {
  return readdir(`/proc/${pid}/fd`).then(
    ({ length }) => length,
    () => undefined,
  );
}

async function cpuOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Behind the name in brackets, which may hold anything: the 12th and 13th field are user and system time.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_S : undefined;
}
