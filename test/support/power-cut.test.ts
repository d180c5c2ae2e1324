import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SeededRandom } from '../../sim/random.js';
import type { DiskRecording } from './disk-events.js';
import { type Durability, folderAfter, folderAfterCut } from './power-cut.js';
import { readRecording } from './strace-recording.js';
import { useTempFolder } from './temp-folder.js';

/** A file is made, written twice and synced in between, and its folder is never synced. */
const TRACE = `
7 openat(AT_FDCWD, "/data/log", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 20
7 write(20, "synced\\n", 7) = 7
8 read(21, "POST /v1/readings HTTP/1.1\\r\\nX-Batch: 5\\r\\n\\r\\n", 65536) = 43
7 fdatasync(20 <unfinished ...>
9 write(1, "elsewhere", 9) = 9
7 <... fdatasync resumed>) = 0
8 writev(21, [{iov_base="HTTP/1.1 201 Created\\r\\n", iov_len=22}, {iov_base="{}", iov_len=2}], 2) = 24
7 write(20, "\\0\\1\\377later", 8) = 8
7 close(20) = 0
7 +++ exited with 0 +++
`.trimStart();

describe('the playback of a recording', () => {
  const temp = useTempFolder();

  async function recordingOf(trace: string): Promise<DiskRecording> {
    const file = path.join(temp.path, 'trace');
    await writeFile(file, trace);
    return readRecording([file], '/data');
  }

  /** What is in the file after many different power cuts; undefined where it is not there. */
  function outcomes(recording: DiskRecording, count: number, durability: Durability): Set<string | undefined> {
    const random = new SeededRandom(1);
    const found = Array.from({ length: 300 }, () => {
      const bytes = folderAfterCut(recording, count, durability, random).files.get('log');
      return bytes && Buffer.from(bytes).toString('latin1');
    });
    return new Set(found);
  }

  it('ends with what the program left behind', async () => {
    const log = folderAfter(await recordingOf(TRACE)).files.get('log');
    expect(Buffer.from(log ?? []).toString('latin1')).to.equal('synced\n\0\u0001\u00fflater');
  });

  it('knows when a request was acknowledged: behind the sync, and before what came later', async () => {
    const { events } = await recordingOf(TRACE);
    expect(events.map(({ kind }) => kind)).to.deep.equal(['link', 'write', 'sync', 'acknowledged', 'write']);
    expect(events[3]).to.include({ kind: 'acknowledged', batch: 5 });
  });

  it('keeps what was synced, and any part of what was written later', async () => {
    const recording = await recordingOf(TRACE);
    const found = outcomes(recording, 5, 'lenient');
    for (const text of found) expect(text).to.match(/^synced\n/);
    expect(found).to.include('synced\n').and.to.include('synced\n\0\u0001\u00fflater');
    expect(found)
      .to.include('synced\n\0\u0001\u00ffl')
      .and.to.include(`synced\n${'\0'.repeat(8)}`);
  });

  it('may keep nothing, or any part, of what was not synced', async () => {
    const found = outcomes(await recordingOf(TRACE), 2, 'strict');
    expect(found).to.include(undefined).and.to.include('').and.to.include('syn').and.to.include('synced\n');
  });

  it('may forget the entry of a synced file only where folders forget their entries', async () => {
    const recording = await recordingOf(TRACE);
    expect(outcomes(recording, 4, 'strict')).to.include(undefined);
    expect(outcomes(recording, 4, 'lenient')).to.not.include(undefined);
  });

  it('moves what was renamed as a whole: it is in one of the two places', async () => {
    const recording = await recordingOf(
      `
7 mkdir("/data/a", 0755) = 0
7 mkdir("/data/b", 0755) = 0
7 openat(AT_FDCWD, "/data/a/x", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 20
7 openat(AT_FDCWD, "/data/a", O_RDONLY|O_DIRECTORY) = 21
7 fsync(21) = 0
7 openat(AT_FDCWD, "/data", O_RDONLY|O_DIRECTORY) = 22
7 fsync(22) = 0
7 rename("/data/a/x", "/data/b/x") = 0
`.trimStart(),
    );
    const random = new SeededRandom(1);
    const places = Array.from({ length: 100 }, () =>
      [...folderAfterCut(recording, recording.events.length, 'strict', random).files.keys()].join(),
    );
    expect(new Set(places)).to.deep.equal(new Set(['a/x', 'b/x']));
  });

  it('refuses a recording of what it cannot play back', async () => {
    const failure = await recordingOf('7 symlink("x", "/data/y") = 0\n').catch((error: unknown) => String(error));
    expect(failure).to.match(/cannot play back: symlink/);
  });
});
