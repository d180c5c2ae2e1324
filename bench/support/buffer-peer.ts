/**
 * What else a village may keep its readings in until there is a link: a buffer of a peer and the centre it sends to,
 * empty at first, processes of their own, and gone after the work.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../sim/wait-for.js';
import type { RunContext } from '../row.js';
import type { Held } from './apart.js';

export interface BufferPeer {
  /** As keys of figures have it. */
  name: 'sqlite' | 'mosquitto';
  /** As the table has it. */
  what: string;
  withCentre<T>(context: RunContext, work: (centre: PeerCentre) => Promise<T>): Promise<T>;
  withBuffer<T>(context: RunContext, work: (buffer: PeerBuffer) => Promise<T>): Promise<T>;
}

export interface PeerCentre {
  /** Where a buffer, or a link before the centre, reaches it. */
  port: number;
  /** Readings that are stored, each id once, as counted on the way. */
  held(): Promise<number>;
  /** The same, counted from the table. */
  counted(): Promise<number>;
  /** True when it holds a reading of that device. */
  holdsDevice(device: string): Promise<boolean>;
}

export interface PeerBuffer {
  /** Everything it keeps. */
  folder: string;
  /** Of the process that runs now. */
  pid(): number;
  /** Hands over readings of the fleet, many at a time; readings a second. All of them are acknowledged. */
  fill(from: number, readings: number): Promise<number>;
  /** The same, one reading a request, over 64 connections. */
  single(from: number, readings: number): Promise<number>;
  /** One reading of a device of its own. */
  postOne(device: string): Promise<void>;
  /** Begins to send to a port of this machine, everything it holds first. */
  sendTo(port: number): Promise<void>;
  /** Ends it by SIGKILL and starts it again over the same folder; seconds until it takes readings. */
  killAndStart(): Promise<number>;
}

const POLL_MS = 20;

/** A centre of a peer that tells over HTTP what it holds. */
export function peerCentre(port: number, statusUrl: string): PeerCentre {
  const readings = async (path: string): Promise<number> => {
    const response = await fetch(`${statusUrl}${path}`);
    if (!response.ok) throw new Error(`the peer's centre answered ${response.status} to ${path}`);
    return ((await response.json()) as Held).readings;
  };
  return {
    port,
    held: () => readings('/held'),
    counted: () => readings('/held/counted'),
    holdsDevice: async (device) => (await readings(`/held/device/${device}`)) > 0,
  };
}

/**
 * Waits until the centre holds so many readings, or, for a buffer that has lost some, until nothing has arrived for
 * `quietMs`. Answers how many it holds and how long ago the last arrived after `sinceMs`, in seconds.
 */
export async function untilArrived(
  { signal }: RunContext,
  centre: PeerCentre,
  expected: number,
  { sinceMs, quietMs, timeoutMs }: { sinceMs: number; quietMs: number; timeoutMs: number },
): Promise<{ held: number; seconds: number }> {
  let held = 0;
  let lastMs = performance.now();
  await waitFor(
    async () => {
      const now = await centre.held();
      if (now !== held) lastMs = performance.now();
      held = now;
      // The first may need an attempt or two to reach the centre.
      const patienceMs = held === 0 ? 4 * quietMs : quietMs;
      return held >= expected || performance.now() - lastMs >= patienceMs;
    },
    { what: `${expected} readings at the peer's centre`, timeoutMs, intervalMs: POLL_MS, signal },
  );
  return { held, seconds: (lastMs - sinceMs) / 1000 };
}

/** Fails unless the peer's centre holds exactly so many, counted from its table. */
export async function assertPeerHeld(centre: PeerCentre, readings: number): Promise<void> {
  const held = await centre.counted();
  if (held !== readings) throw new Error(`the peer's centre holds ${held} readings where ${readings} were sent`);
}

/** Bytes of all files below a folder. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A file may go while the folder is looked through: a compaction, a checkpoint.
    const found = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += found?.size ?? 0;
  }
  return bytes;
}
