/** A node under load, recorded: what it asked of the disk, what it acknowledged when, and which numbers it gave. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { SeededRandom } from '../../sim/random.js';
import { listAll } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { postBatches, type Reading, ReadingSource } from '../support/batches.js';
import { type FolderContent, readFolder } from '../support/data-folder.js';
import type { DiskRecording } from '../support/disk-events.js';
import { folderAfter } from '../support/power-cut.js';
import { edgeProgram } from '../support/programs.js';
import { straceCommand } from '../support/strace.js';
import { readRecording } from '../support/strace-recording.js';

export interface Scene {
  title: string;
  segmentMaxDocs: number;
  documents: number;
  /** Documents of one request. */
  maxBatch: number;
}

export interface Take {
  recording: DiskRecording;
  /** What was sent, by the number of the request. */
  batches: ReadonlyMap<number, readonly Reading[]>;
  /** Node name and number of everything stored, by content. */
  numbers: ReadonlyMap<string, { node: string; seq: number }>;
  /** The settings it ran with. */
  settings: Record<string, string>;
  /** The folder it worked in. */
  folder: string;
}

/** Records a node that takes half of the documents, is stopped and started, and takes the other half. */
export async function recordNode(parent: string, scene: Scene, random: SeededRandom): Promise<Take> {
  const { segmentMaxDocs, documents, maxBatch } = scene;
  const folder = path.join(parent, 'recorded');
  await mkdir(folder);
  const settings = { SEGMENT_MAX_DOCS: String(segmentMaxDocs) };
  const batches = new Map<number, Reading[]>();
  const numbers = new Map<string, { node: string; seq: number }>();
  const source = new ReadingSource(random);
  const traces = [1, 2].map((n) => path.join(parent, `trace${n}`));
  for (const trace of traces) {
    // Calls made through io_uring would not be seen.
    const env = { ...settings, UV_USE_IO_URING: '0' };
    const program = await edgeProgram({ villageId: 'kano', dataPath: folder, env, under: straceCommand(trace) });
    await program.start();
    try {
      const { url } = program;
      await postBatches({ url, source, senders: 4, documents: documents / 2, maxBatch, batches });
      for (const one of await listAll(url, 'readings')) numbers.set(contentOf(one), { node: one.node, seq: one.seq });
      expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
    } finally {
      await program.kill('SIGKILL');
    }
  }
  const recording = await readRecording(traces, folder);
  proveComplete(recording, await readFolder(folder));
  const acknowledged = recording.events.filter(({ kind }) => kind === 'acknowledged');
  expect(acknowledged.length, 'acknowledgements seen').to.equal(batches.size);
  return { recording, batches, numbers, settings, folder };
}

/** Played to its end, a recording that has missed nothing is the folder, byte by byte. */
function proveComplete(recording: DiskRecording, { files }: FolderContent): void {
  const played = folderAfter(recording).files;
  expect([...played.keys()].sort()).to.deep.equal([...files.keys()].sort());
  for (const [name, bytes] of files) {
    expect(Buffer.compare(bytes, played.get(name) ?? new Uint8Array()), `what is in ${name}`).to.equal(0);
  }
}
