/** A node under load, recorded: what it asked of the disk, what it acknowledged when, and which numbers it gave. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { SeededRandom } from '../../sim/random.js';
import { listAll } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { type BatchLoad, postBatches, type Reading, ReadingSource } from '../support/batches.js';
import { type FolderContent, readFolder } from '../support/data-folder.js';
import type { DiskRecording } from '../support/disk-events.js';
import { FolderWatcher } from '../support/folder-watcher.js';
import { folderAfter } from '../support/power-cut.js';
import { edgeProgram } from '../support/programs.js';
import { straceCommand, whyNoStrace } from '../support/strace.js';
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

const whyNot = whyNoStrace();

/** How recordings are made here, for titles. */
export const RECORDED =
  whyNot === undefined
    ? 'from a recording of its system calls'
    : `from looks at its folder, which cannot tell whether it was synced (${whyNot})`;

/** Records a node that takes half of the documents, is stopped and started, and takes the other half. */
export async function recordNode(parent: string, scene: Scene, random: SeededRandom): Promise<Take> {
  const folder = path.join(parent, 'recorded');
  await mkdir(folder);
  const settings = { SEGMENT_MAX_DOCS: String(scene.segmentMaxDocs) };
  const batches = new Map<number, Reading[]>();
  const numbers = new Map<string, { node: string; seq: number }>();
  const source = new ReadingSource(random);
  const recorder = whyNot === undefined ? traced(parent, folder) : watched(folder);
  for (let life = 0; life < 2; life++) {
    // Calls made through io_uring would not be seen.
    const env = { ...settings, UV_USE_IO_URING: '0' };
    const program = await edgeProgram({ villageId: 'kano', dataPath: folder, env, under: recorder.under() });
    await program.start();
    try {
      const { url } = program;
      const { documents, maxBatch } = scene;
      const load = { source, documents: (documents * recorder.share) / 2, maxBatch, batches, ...recorder.load };
      await postBatches({ url, ...load });
      for (const one of await listAll(url, 'readings')) numbers.set(contentOf(one), { node: one.node, seq: one.seq });
      expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
    } finally {
      await program.kill('SIGKILL');
    }
  }
  const recording = await recorder.recording();
  proveComplete(recording, await readFolder(folder));
  const acknowledged = recording.events.filter(({ kind }) => kind === 'acknowledged');
  expect(acknowledged.length, 'acknowledgements seen').to.equal(batches.size);
  return { recording, batches, numbers, settings, folder };
}

interface Recorder {
  /** The command to run the next life under. */
  under(): string[];
  load: Pick<BatchLoad, 'senders' | 'onAcknowledged'>;
  /** How much of a scene's load it can bear. */
  share: number;
  recording(): Promise<DiskRecording>;
}

function traced(parent: string, folder: string): Recorder {
  const traces: string[] = [];
  return {
    load: { senders: 4 },
    share: 1,
    under() {
      const trace = path.join(parent, `trace${traces.length}`);
      traces.push(trace);
      return straceCommand(trace);
    },
    recording: () => readRecording(traces, folder),
  };
}

/** With one sender, so that nothing is under way while the folder is looked at. */
function watched(folder: string): Recorder {
  const watcher = new FolderWatcher(folder);
  return {
    load: { senders: 1, onAcknowledged: (number) => watcher.acknowledged(number) },
    share: 0.2,
    under: () => [],
    recording: () => watcher.recording(),
  };
}

/** Played to its end, a recording that has missed nothing is the folder, byte by byte. */
function proveComplete(recording: DiskRecording, { files }: FolderContent): void {
  const played = folderAfter(recording).files;
  expect([...played.keys()].sort()).to.deep.equal([...files.keys()].sort());
  for (const [name, bytes] of files) {
    expect(Buffer.compare(bytes, played.get(name) ?? new Uint8Array()), `what is in ${name}`).to.equal(0);
  }
}
