/**
 * Finds the segments of a store at its start.
 *
 * What cannot be read is not passed over: its neighbours say whose numbers it holds, and it is listed as damaged until
 * it is repaired.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../shared/durable-file.js';
import type { Acknowledged } from './acknowledged-mark.js';
import { asDamage, type DamagedError } from './damaged-error.js';
import { firstSeqOf } from './number-continuity.js';
import type { OpenDatabases } from './open-databases.js';
import { Segment } from './segment.js';
import { DROPPED, REBUILT } from './segment-folders.js';
import type { SegmentRecord } from './segment-record.js';
import type { SegmentEnd } from './state-records.js';

/** What is known of the store apart from its segments. */
export interface StoreFacts {
  node: string;
  acknowledged: Acknowledged | undefined;
  /** How far the numbers of deleted segments reached. */
  ends?: readonly SegmentEnd[];
  nowText: string;
}

/** Oldest first. Rejects when a segment cannot be opened for another reason than damage, such as a full disk. */
export async function loadSegments(databases: OpenDatabases, root: string, store: StoreFacts): Promise<Segment[]> {
  const folders = await tidyFolders(root);
  const loaded: (Segment | Unreadable)[] = [];
  for (const folder of folders) {
    const last = folder === folders.at(-1);
    // As it will be opened for writing: what a crash left in its log becomes a few tables, not many.
    if (last) databases.writeTo(folder);
    const found = await load(databases, folder);
    if (found) loaded.push(found);
    else await rm(folder, { recursive: true, force: true });
  }
  const segments: Segment[] = [];
  for (const [index, one] of loaded.entries()) {
    if (one instanceof Segment) segments.push(one);
    else segments.push(standIn(databases, one, segments.at(-1), loaded[index + 1], store));
  }
  return segments;
}

interface Unreadable {
  folder: string;
  number: number;
  damage: DamagedError;
}

async function load(databases: OpenDatabases, folder: string): Promise<Segment | Unreadable | undefined> {
  try {
    const segment = await Segment.load(databases, folder);
    if (!segment) await databases.close(folder);
    return segment;
  } catch (error) {
    const damage = asDamage(error, folder);
    if (!damage) throw error;
    await databases.close(folder);
    return { folder, number: Number(path.basename(folder)), damage };
  }
}

/** A segment by what its neighbours leave for it. */
function standIn(
  databases: OpenDatabases,
  { folder, number, damage }: Unreadable,
  previous: Segment | undefined,
  next: Segment | Unreadable | undefined,
  { node: storeNode, acknowledged, ends = [], nowText }: StoreFacts,
): Segment {
  const follower = next instanceof Segment && next.firstSeq > 1 ? next : undefined;
  const node =
    follower?.node ?? (next === undefined ? (acknowledged?.node ?? storeNode) : (previous?.node ?? storeNode));
  const firstSeq = firstSeqOf({ number, node }, previous, ends);
  const acknowledgedSeq = next === undefined && acknowledged?.node === node ? acknowledged.seq : undefined;
  // Only where it is known: what stands behind it will be taken for refused.
  const lastSeq = follower ? follower.firstSeq - 1 : acknowledgedSeq;
  const known = lastSeq === undefined ? {} : { lastSeq: Math.max(firstSeq - 1, lastSeq) };
  const record: SegmentRecord = {
    ...{ number, node, firstSeq, ...known, openedAt: nowText, sealedAt: nowText },
    guessed: true,
  };
  return Segment.damaged(databases, folder, record, damage);
}

/** Ends what a crash has left half-way, and lists the folders of segments, oldest first. */
async function tidyFolders(root: string): Promise<string[]> {
  const names = await readdir(root);
  const numbers = names.filter((name) => /^\d{6,}$/.test(name));
  for (const name of names) {
    const [number = '', state] = name.split('.', 2);
    if (state === undefined || !/^\d{6,}$/.test(number)) continue;
    const isComplete = `.${state}` === REBUILT && !numbers.includes(number);
    if (isComplete) {
      // The damaged one is away already: the rebuilt one was complete.
      await rename(path.join(root, name), path.join(root, number));
      await syncFolder(root);
      numbers.push(number);
    } else if ([DROPPED, REBUILT].includes(`.${state}`)) {
      await rm(path.join(root, name), { recursive: true, force: true });
    }
  }
  return numbers.sort((a, b) => Number(a) - Number(b)).map((name) => path.join(root, name));
}
