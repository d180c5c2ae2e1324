/**
 * The life of a village's buffer without a link, of ours and of a peer: it is filled, takes further readings one by one,
 * is killed behind the last acknowledgement, started again, and delivers everything to a centre on loopback.
 */
import { sleep } from '../../shared/time.js';
import type { RunContext } from '../row.js';
import { settingsFor, withGateway } from './bench-centre.js';
import { assertStored, type BenchNode, withNode } from './bench-node.js';
import { type BufferPeer, folderBytes, type PeerBuffer, type PeerCentre, untilArrived } from './buffer-peer.js';
import { fill, replicate } from './node-client.js';
import { residentMemory } from './process-figures.js';
import { singleReadings } from './sqlite-peer.js';

export interface LifePlan {
  /** Readings handed over many at a time, before anything else. */
  filled: number;
  /** Then one reading a request, before the kill. */
  single: number;
}

export interface BufferLife {
  fillPerS: number;
  /** The most ever resident until the kill; undefined where the system does not tell. */
  memoryMiB: number | undefined;
  /** After the fill, everything in its folder. */
  diskBytesPerReading: number;
  singlePerS: number;
  /** From the spawn after SIGKILL until readings are taken. */
  startS: number;
  drainPerS: number;
  /** Of what was acknowledged, what the centre holds in the end; percent. */
  keptPct: number;
  /** The same as a number of readings. */
  lost: number;
}

/** Files are looked at when what is written in the background is written. */
const SETTLE_MS = 5_000;
/** Nothing further comes: a bridge that has lost some has delivered what it has. */
const QUIET_MS = 15_000;
const DRAIN_TIMEOUT_MS = 1_800_000;

/** Ours, to a gateway on its embedded store. */
export function lifeOfOurs(context: RunContext, { filled, single }: LifePlan): Promise<BufferLife> {
  return withGateway(context, (centre) => {
    const settings = { ...settingsFor(centre, centre.url), SYNC_MODE: 'scheduled' };
    return withNode(context, settings, async (node) => {
      const fillPerS = await fill(context, node, 0, filled);
      const diskBytesPerReading = await diskPerReading(context, node.folder, filled);
      const singlePerS = await singleReadings(context, node.url, filled, single);
      const memoryMiB = await peakMiB(node.pid());
      const startS = await killAndStart(node);
      await assertStored(node, filled + single);
      const startMs = performance.now();
      const { sent } = await replicate(node, context.signal);
      const drainPerS = (sent / (performance.now() - startMs)) * 1000;
      const kept = await centre.countReadings();
      return {
        ...{ fillPerS, memoryMiB, diskBytesPerReading, singlePerS, startS, drainPerS },
        ...keptOf(kept, filled + single),
      };
    });
  });
}

/** A peer's, to the centre it has. */
export function lifeOfPeer(context: RunContext, peer: BufferPeer, plan: LifePlan): Promise<BufferLife> {
  return peer.withCentre(context, (centre) =>
    peer.withBuffer(context, (buffer) => measurePeer(context, centre, buffer, plan)),
  );
}

/** Of readings handed over many at a time, the share that outlives SIGKILL right behind the last of them; percent. */
export function keptByPeer(context: RunContext, peer: BufferPeer, filled: number): Promise<number> {
  return peer.withCentre(context, (centre) =>
    peer.withBuffer(context, async (buffer) => {
      await buffer.fill(0, filled);
      await buffer.killAndStart();
      const { kept } = await deliver(context, centre, buffer, filled);
      return keptOf(kept, filled).keptPct;
    }),
  );
}

async function measurePeer(
  context: RunContext,
  centre: PeerCentre,
  buffer: PeerBuffer,
  { filled, single }: LifePlan,
): Promise<BufferLife> {
  const fillPerS = await buffer.fill(0, filled);
  const diskBytesPerReading = await diskPerReading(context, buffer.folder, filled);
  const singlePerS = await buffer.single(filled, single);
  const memoryMiB = await peakMiB(buffer.pid());
  const startS = await buffer.killAndStart();
  const expected = filled + single;
  const { kept, perSecond: drainPerS } = await deliver(context, centre, buffer, expected);
  return {
    ...{ fillPerS, memoryMiB, diskBytesPerReading, singlePerS, startS, drainPerS },
    ...keptOf(kept, expected),
  };
}

/** To its end, or to where nothing more comes. */
async function deliver(
  context: RunContext,
  centre: PeerCentre,
  buffer: PeerBuffer,
  expected: number,
): Promise<{ kept: number; perSecond: number }> {
  await buffer.sendTo(centre.port);
  const arrived = { sinceMs: performance.now(), quietMs: QUIET_MS, timeoutMs: DRAIN_TIMEOUT_MS };
  const { held, seconds } = await untilArrived(context, centre, expected, arrived);
  const kept = await centre.counted();
  if (kept !== held) throw new Error(`the peer's centre says ${held} readings and holds ${kept}`);
  return { kept, perSecond: held / seconds };
}

async function diskPerReading({ small, signal }: RunContext, folder: string, readings: number): Promise<number> {
  await sleep(small ? SETTLE_MS / 2 : SETTLE_MS, signal);
  return (await folderBytes(folder)) / readings;
}

async function peakMiB(pid: number): Promise<number | undefined> {
  return (await residentMemory(pid))?.peakMiB;
}

async function killAndStart(node: BenchNode): Promise<number> {
  await node.process.kill('SIGKILL');
  const startMs = performance.now();
  await node.process.start();
  return (performance.now() - startMs) / 1000;
}

/** Throws where the centre holds more than were acknowledged: readings that nobody posted. */
export function keptOf(kept: number, acknowledged: number): Pick<BufferLife, 'keptPct' | 'lost'> {
  if (kept > acknowledged) throw new Error(`the centre holds ${kept} readings where ${acknowledged} were posted`);
  return { keptPct: (kept / acknowledged) * 100, lost: acknowledged - kept };
}
