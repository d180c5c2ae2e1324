/** What Linux tells of a process under /proc: resident memory, processor time and bytes written to the disk. */
import { readFile } from 'node:fs/promises';
import { sleep } from '../../shared/time.js';

export interface ResidentMemory {
  /** Resident now, files mapped by LevelDB included. */
  residentMiB: number;
  /** Of that, memory of its own, not backed by files. */
  ownMiB: number;
  /** The most ever resident. */
  peakMiB: number;
}

const QUIET_WITHIN_MS = 20_000;
/** Linux counts in hundredths of a second for everybody who asks /proc, whatever its own clock does. */
const TICKS_PER_S = 100;

/** Undefined where /proc does not tell. */
export async function residentMemory(pid: number | 'self'): Promise<ResidentMemory | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const residentMiB = fieldOf(text, 'VmRSS');
  const ownMiB = fieldOf(text, 'RssAnon');
  const peakMiB = fieldOf(text, 'VmHWM');
  if (residentMiB === undefined || ownMiB === undefined || peakMiB === undefined) return undefined;
  return { residentMiB: residentMiB / 1024, ownMiB: ownMiB / 1024, peakMiB: peakMiB / 1024 };
}

/** Processor time a process has taken, user and system; undefined where /proc does not tell. */
export async function processorS(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold anything; user and system time are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) / TICKS_PER_S;
}

/**
 * Bytes a process has made the disk write, whole pages as the kernel counts them, without the file system's journal;
 * undefined where /proc does not tell.
 */
export async function bytesWritten(pid: number | 'self'): Promise<number | undefined> {
  return fieldOf(await readFile(`/proc/${pid}/io`, 'utf8').catch(() => ''), 'write_bytes');
}

/**
 * The same once nothing more was written for `quietMs`: what LevelDB compacts in the background is part of the bill.
 */
export async function bytesWrittenAtRest(pid: number | 'self', quietMs: number): Promise<number | undefined> {
  const deadlineMs = performance.now() + QUIET_WITHIN_MS;
  let before = await bytesWritten(pid);
  for (;;) {
    await sleep(quietMs);
    const now = await bytesWritten(pid);
    if (now === before || performance.now() > deadlineMs) return now;
    before = now;
  }
}

/** Calls `onSample` now and every `everyMs` until the returned function is called, which waits for the last one. */
export function sampleMemory(
  pid: number,
  everyMs: number,
  onSample: (memory: ResidentMemory) => void,
): () => Promise<void> {
  const ended = new AbortController();
  const sampling = (async () => {
    while (!ended.signal.aborted) {
      const memory = await residentMemory(pid);
      if (memory) onSample(memory);
      await sleep(everyMs, ended.signal);
    }
  })();
  return () => {
    ended.abort();
    return sampling;
  };
}

function fieldOf(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}
