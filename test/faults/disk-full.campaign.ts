/**
 * A disk that somebody else fills while readings come in, and frees again: on a real small disk, and, where the buffer
 * is the limit, by a file that takes its room.
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { OneShotResult } from '../../edge/push/one-shot.js';
import { ProgramClient } from '../../shared/http/client.js';
import type { ProgramProcess } from '../../sim/processes.js';
import type { SeededRandom } from '../../sim/random.js';
import { ask, listAll, post } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { GatewayCentre } from '../edge/push/support/centres.js';
import { ReadingSource } from '../support/batches.js';
import { edgeProgram } from '../support/programs.js';
import { itWithSeed } from '../support/seeds.js';
import { asSeenBy, fillDisk, onSmallDisk, whyNoSmallDisk } from '../support/small-disk.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

const VILLAGE = 'kano';
const DISK_MB = 24;
const BUFFER_MB = 12;
/** Refused so often in a row, it is the disk and not a moment. */
const REFUSED_IN_A_ROW = 10;
/** With so much left at most, the disk is full once the node has stored that much. */
const NEARLY_FULL_BYTES = 3_000_000;

/** What runs full, and where the file that fills it lies, from this process. */
interface Limit {
  title: string;
  settings: Record<string, string>;
  under: (folder: string) => string[];
  fill: (program: ProgramProcess, folder: string, random: SeededRandom) => Promise<string>;
  /** The node itself may find a little room again: in the reserve, or by writing anew what it has. */
  mayTakeMore?: boolean;
}

const smallDisk: Limit = {
  title: 'a small disk that somebody else fills',
  settings: {},
  under: (folder) => onSmallDisk(folder, DISK_MB),
  async fill({ pid }, folder) {
    const file = asSeenBy(pid, path.join(folder, 'foreign'));
    await fillDisk(file);
    return file;
  },
};

const nearlyFull: Limit = {
  ...smallDisk,
  title: 'a small disk that somebody else fills but for a little',
  mayTakeMore: true,
  async fill({ pid }, folder, random) {
    const file = asSeenBy(pid, path.join(folder, 'foreign'));
    const { bavail, bsize } = await statfs(path.dirname(file));
    await fillDisk(file, Math.max(0, bavail * bsize - random.integer(0, NEARLY_FULL_BYTES)));
    return file;
  },
};

const smallBuffer: Limit = {
  title: 'a buffer whose room is taken',
  settings: { BUFFER_MAX_MB: String(BUFFER_MB) },
  under: () => [],
  async fill(_, folder) {
    const file = path.join(folder, 'data', 'foreign');
    await fillDisk(file, BUFFER_MB * 1_000_000);
    return file;
  },
};

const noDisk = whyNoSmallDisk();
for (const limit of noDisk === undefined ? [smallDisk, nearlyFull, smallBuffer] : [smallBuffer]) {
  describe(limit.title, function () {
    this.timeout(240_000);
    let program: ProgramProcess | undefined;
    let centre: GatewayCentre | undefined;

    afterEach(async () => {
      await program?.kill('SIGKILL');
      await centre?.stop();
    });

    const temp = useTempFolder();

    itWithSeed(
      'has new data refused in words; reading and delivering go on; freed, all is taken again',
      async (random) => {
        centre = await GatewayCentre.start('embedded');
        const folder = path.join(temp.path, 'disk');
        await mkdir(folder);
        const env = {
          ...(await centre.settingsFor(VILLAGE)),
          SYNC_MODE: 'scheduled',
          SYNC_TIMEOUT: '5',
          ...limit.settings,
        };
        const dataPath = path.join(folder, 'data');
        program = await edgeProgram({ villageId: VILLAGE, dataPath, env, under: limit.under(folder) });
        await program.start();
        const meter = new Meter(program.url, random);

        for (let n = 0; n < 50; n++) expect(await meter.post()).to.equal('201');
        const filling = limit.fill(program, folder, random);
        await waitFor(() => meter.isRefusedInARow(), { what: 'new data to be refused', timeoutMs: 60_000 });
        const foreign = await filling;
        const listed = new Set((await listAll(program.url, 'readings')).map(contentOf));
        expect(
          meter.acknowledged.filter((one) => !listed.has(one)),
          'acknowledged, but not listed',
        ).to.deep.equal([]);
        if (!limit.mayTakeMore) expect(await meter.post()).to.equal('507 storage_full');

        expect(await replicate(program.url)).to.include({ ok: true, pending: 0, quarantined: 0 });
        await expectDelivered(centre, meter);
        // What is confirmed may go now, and new data be taken although the disk is as full as before.
        expect((await ask(`${program.url}/v1/status`)).status).to.equal(200);

        await rm(foreign);
        await waitFor(async () => (await meter.post()) === '201', { what: 'new data to be taken', timeoutMs: 60_000 });
        for (let n = 0; n < 50; n++) expect(await meter.post()).to.equal('201');
        expect(await replicate(program.url)).to.include({ ok: true, pending: 0, quarantined: 0 });
        await expectDelivered(centre, meter);
        expect(meter.answers).to.have.all.keys('201', '507 storage_full');
        expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
      },
    );
  });
}

if (noDisk !== undefined) describe(smallDisk.title, () => it(`skipped: no small disk can be made here (${noDisk})`));

/** Posts small batches and keeps what was acknowledged, by content. */
class Meter {
  readonly acknowledged: string[] = [];
  /** How often each answer came. */
  readonly answers = new Map<string, number>();
  readonly #url: string;
  readonly #source: ReadingSource;

  constructor(url: string, random: SeededRandom) {
    this.#url = url;
    this.#source = new ReadingSource(random);
  }

  /** The status, and the code of an error behind it. */
  async post(): Promise<string> {
    const batch = this.#source.batch('m1', 20);
    const { status, body } = await post(this.#url, 'readings', batch);
    if (status === 201) this.acknowledged.push(...batch.map(contentOf));
    const answer = body.error ? `${status} ${body.error.code}` : String(status);
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
    return answer;
  }

  async isRefusedInARow(): Promise<boolean> {
    for (let n = 0; n < REFUSED_IN_A_ROW; n++) if ((await this.post()) === '201') return false;
    return true;
  }
}

async function replicate(url: string): Promise<OneShotResult | undefined> {
  const client = new ProgramClient({ url, peer: 'the node' });
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"deadlineS":40}' };
  let last: OneShotResult | undefined;
  for await (const line of client.lines<OneShotResult>('/v1/replicate', init)) last = line;
  return last;
}

async function expectDelivered(centre: GatewayCentre, { acknowledged }: Meter): Promise<void> {
  const held = new Set((await centre.documents(VILLAGE)).map(contentOf));
  expect(
    acknowledged.filter((one) => !held.has(one)),
    'acknowledged, but not at the centre',
  ).to.deep.equal([]);
}
