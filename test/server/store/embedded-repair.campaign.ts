/** The embedded store when its files are damaged: nothing undamaged is missing, and nothing is claimed that is gone. */
import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { EmbeddedStore, type EmbeddedStoreOptions } from '../../../server/store/embedded-store.js';
import { keyIn, readEntries, writeEntries } from '../../../server/store/raw-entries.js';
import { StoreKeeper } from '../../../server/store/store-keeper.js';
import { codeOf } from '../../../shared/app-error.js';
import { readLevelFolder } from '../../../shared/leveldb/level-folder.js';
import { silentLogger } from '../../../shared/logger.js';
import { loadLeveldown, openDatabase } from '../../../shared/pouchdb.js';
import { addToReceipt, EMPTY_RECEIPT } from '../../../shared/receipt.js';
import { SimulatedCentre } from '../../../sim/centre.js';
import { freePort } from '../../../sim/ports.js';
import { SeededRandom } from '../../../sim/random.js';
import { anyVillage, GatewayCentre } from '../../edge/push/support/centres.js';
import { EdgeSite, readings as measured } from '../../edge/push/support/edge-site.js';
import { capturedLog } from '../../support/captured-log.js';
import { damageFile } from '../../support/file-damage.js';
import { itWithSeed, testSeed } from '../../support/seeds.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { incoming, readings, type Sent } from '../support/documents.js';

const DOCUMENTS = 3_000;
const LAST = Number.MAX_SAFE_INTEGER;
/** So small that there are tables. */
const SMALL: EmbeddedStoreOptions = { writeBufferBytes: 64 * 1024, receipts: { catchUpWaitMs: 60_000 } };

type Callback = (error?: Error | null, ...rest: unknown[]) => void;
interface Raw {
  _getMany(keys: unknown, options: unknown, callback: Callback): void;
  _close(callback: Callback): void;
}

/** leveldown of which a look-up can be made to fail, and whose files can be harmed as soon as it is closed. */
function faultyLeveldown() {
  const real = loadLeveldown() as (location: string) => Raw;
  const faults: { lookUps: number; onClosed: (() => Promise<void>) | undefined } = { lookUps: 0, onClosed: undefined };
  const open = (location: string) => {
    const level = real(location);
    const { _getMany: getMany, _close: close } = level;
    level._getMany = (keys, options, callback) => {
      if (faults.lookUps === 0 || !location.endsWith('telemetry')) return getMany.call(level, keys, options, callback);
      faults.lookUps--;
      setImmediate(callback, new Error('Corruption: block checksum mismatch'));
    };
    level._close = (callback) =>
      close.call(level, (error) => {
        const { onClosed } = faults;
        if (!onClosed || !location.endsWith('telemetry')) return callback(error);
        faults.onClosed = undefined;
        onClosed().then(() => callback(), callback);
      });
    return level;
  };
  return { faults, leveldown: Object.assign(open, real) };
}

async function dataFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /\.(ldb|log)$/.test(name)).sort();
}

/** Flips every byte in the middle of a table or log. */
async function harm(file: string): Promise<void> {
  const bytes = new Uint8Array(await readFile(file));
  const [from, to] = [Math.floor(bytes.length * 0.4), Math.floor(bytes.length * 0.6)];
  for (let at = from; at < to; at++) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  await writeFile(file, bytes);
}

async function harmLargest(folder: string, ending: string): Promise<void> {
  const names = (await dataFiles(folder)).filter((name) => name.endsWith(ending));
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
  const name = names[sizes.indexOf(Math.max(...sizes))];
  if (name === undefined) throw new Error(`there is no ${ending} in ${folder}`);
  await harm(path.join(folder, name));
}

/** Ids of the whole documents in the damaged files. */
async function wholeIds(folder: string): Promise<Set<string>> {
  const { entries } = await readLevelFolder(folder);
  const bodies = entries.filter(([key]) => key.toString().startsWith('\xffby-sequence'));
  return new Set(bodies.map(([, value]) => String((JSON.parse(value.toString()) as { _id: string })._id)));
}

describe('the embedded store whose files are damaged', function () {
  this.timeout(120_000);
  let root: string;
  let folder: string;
  let store: EmbeddedStore | undefined;
  const documents = readings('kano', DOCUMENTS);

  beforeEach(async () => {
    root = await createTempFolder();
    folder = path.join(root, 'store');
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    await removeFolder(root);
  });

  const telemetry = () => path.join(folder, 'telemetry');
  const open = async (options: EmbeddedStoreOptions = SMALL) => {
    await store?.close();
    store = await EmbeddedStore.open(folder, options);
    return store;
  };
  const fill = async (opened: EmbeddedStore, sent: readonly Sent[] = documents) => {
    for (let from = 0; from < sent.length; from += 100) await opened.write(sent.slice(from, from + 100).map(incoming));
  };
  /** Closes it and leaves the marks of a killed process. */
  const kill = async (opened: EmbeddedStore) => {
    await opened.close();
    store = undefined;
    for (const name of ['telemetry', 'villages']) await writeFile(path.join(folder, name, 'open'), '');
  };
  const stored = async (opened: EmbeddedStore) =>
    opened.telemetry.readRange({ startId: 'kano:', endId: 'kano:~', descending: false, limit: 10 * DOCUMENTS });
  const countedByDay = async (opened: EmbeddedStore) => {
    const days = await opened.days.readings({ from: '2026-03-01', to: '2026-03-02', village: 'kano' });
    return days.get('kano')?.get('2026-03-01') ?? 0;
  };
  /** Receipts, numbers and counters tell exactly of what is stored; what is sent again is all there. */
  const expectMended = async (opened: EmbeddedStore, whole: ReadonlySet<string>, uuidBefore: string) => {
    const found = await stored(opened);
    const ids = new Set(found.map(({ _id }) => _id));
    expect([...whole].filter((id) => id.startsWith('kano:') && !ids.has(id))).to.deep.equal([]);
    const counted = found.reduce((receipt, { _rev }) => addToReceipt(receipt, String(_rev)), EMPTY_RECEIPT);
    expect(await opened.receipt('kano', 'node1', 1, LAST)).to.deep.equal(counted);
    const [numbers] = await opened.numbers.nodes('kano');
    expect(numbers?.held ?? 0).to.equal(found.length);
    expect(await countedByDay(opened)).to.equal(found.length);
    expect((await opened.info()).doc_count).to.equal(found.length);
    expect(opened.uuid).not.to.equal(uuidBefore);
    await fill(opened);
    expect(await stored(opened)).to.have.length(DOCUMENTS);
    expect((await opened.receipt('kano', 'node1', 1, LAST)).count).to.equal(DOCUMENTS);
    expect((await opened.numbers.nodes('kano'))[0]?.held).to.equal(DOCUMENTS);
  };

  for (const ending of ['.ldb', '.log']) {
    it(`keeps what is whole after a kill and damage to a ${ending}, and takes what is missing again`, async function () {
      // Now and then the largest table is one that compaction has just replaced, and nothing is lost with it.
      this.retries(2);
      const first = await open(ending === '.ldb' ? SMALL : {});
      await fill(first);
      await first.local.put('kano', 'checkpoint', { seq: 3 }, undefined);
      const uuid = first.uuid;
      const createdBefore = (await first.info()).instance_start_time;
      await kill(first);
      await harmLargest(telemetry(), ending);
      const whole = await wholeIds(telemetry());
      const { log, lines } = capturedLog();
      const mended = await open({ ...SMALL, log });
      const lost = DOCUMENTS - (await stored(mended)).length;
      expect(lost).to.be.within(1, DOCUMENTS - 1);
      expect(lines.map(({ lostAtLeast }) => lostAtLeast).filter((one) => one !== undefined)).to.deep.equal([lost]);
      expect((await mended.info()).instance_start_time).not.to.equal(createdBefore);
      expect(await mended.local.get('kano', 'checkpoint')).to.equal(undefined);
      expect(await readdir(path.join(folder, 'damaged'))).to.have.length(1);
      await expectMended(mended, whole, uuid);
    });
  }

  itWithSeed('comes up whatever one file of a killed store has suffered', async (random: SeededRandom) => {
    const first = await open();
    await fill(first);
    const { uuid } = first;
    await kill(first);
    const killed = folder;
    for (let round = 0; round < 6; round++) {
      folder = path.join(root, `round-${round}`);
      await cp(killed, folder, { recursive: true });
      const names = (await readdir(telemetry())).filter((name) => /\.(ldb|log)$|^(CURRENT|MANIFEST)/.test(name)).sort();
      const damage = await damageFile(telemetry(), names[random.integer(0, names.length - 1)] ?? '', random);
      const opened = await open();
      const found = await stored(opened);
      const counted = found.reduce((receipt, { _rev }) => addToReceipt(receipt, String(_rev)), EMPTY_RECEIPT);
      expect(await opened.receipt('kano', 'node1', 1, LAST), damage).to.deep.equal(counted);
      expect(await countedByDay(opened), damage).to.equal(found.length);
      // A log that merely ends early is what a power cut leaves: receipts tell what is missing then.
      if (found.length < DOCUMENTS && damage.includes('.ldb')) expect(opened.uuid, damage).not.to.equal(uuid);
      await fill(opened);
      expect(await stored(opened), damage).to.have.length(DOCUMENTS);
      expect((await opened.receipt('kano', 'node1', 1, LAST)).count, damage).to.equal(DOCUMENTS);
    }
  });

  it('mends itself while it runs, and its villages are there meanwhile', async () => {
    const { faults, leveldown } = faultyLeveldown();
    const opened = await open({ ...SMALL, leveldown });
    await fill(opened);
    await opened.villages.create({ id: 'kano', credentialHash: 'h', createdAt: '2026-03-01T00:00:00.000Z' });
    expect((await opened.numbers.nodes('kano'))[0]?.held).to.equal(DOCUMENTS);
    await opened.receipt('kano', 'node1', 1, LAST);
    const uuid = opened.uuid;
    let whole: ReadonlySet<string> = new Set();
    // LevelDB maps its tables: they are harmed where it has just let go of them.
    faults.onClosed = async () => {
      const tables = (await dataFiles(telemetry())).filter((name) => name.endsWith('.ldb'));
      for (const name of tables) await harm(path.join(telemetry(), name));
      whole = await wholeIds(telemetry());
    };
    faults.lookUps = 1;
    const failure = await opened.write(documents.slice(0, 1).map(incoming)).catch((error: unknown) => error);
    expect(codeOf(failure)).to.equal('storage_failed');
    expect(await opened.villages.get('kano')).to.include({ id: 'kano' });
    await waitFor(() => opened.info().then(() => true), { what: 'the telemetry' });
    expect((await opened.info()).doc_count).to.be.within(1, DOCUMENTS - 1);
    await expectMended(opened, whole, uuid);
  });

  it('is not read whole when it was closed in order', async () => {
    await fill(await open());
    await open();
    await store?.close();
    store = undefined;
    expect((await readdir(telemetry())).filter((name) => name === 'open')).to.deep.equal([]);
  });

  it('keeps whole villages, and forgets one rather than setting it back', async () => {
    const first = await open();
    const names = Array.from({ length: 60 }, (_, n) => `village${n}`);
    const createdAt = '2026-03-01T00:00:00.000Z';
    for (const id of names)
      await first.villages.create({ id, credentialHash: 'old', createdAt, name: 'x'.repeat(900) });
    await first.close();
    store = await EmbeddedStore.open(folder, SMALL);
    for (const id of names) await store.villages.update(id, (record) => ({ ...record, credentialHash: 'new' }));
    await kill(store);
    // The newest bodies of some villages are lost, while their older bodies and what is known of them are whole.
    const villages = path.join(folder, 'villages');
    const database = await openDatabase(villages);
    const bodies = await readEntries(database, { store: 'by-sequence', to: '9', limit: 1000 });
    const lost = bodies.slice(-5);
    const gone = lost.map(([name]) => ({ type: 'del' as const, key: keyIn('by-sequence', name) }));
    await writeEntries(database, gone);
    await database.close();
    await writeFile(path.join(villages, 'repair'), 'found in a test');
    const { log, lines } = capturedLog();
    const mended = await open({ ...SMALL, log });
    const left = await mended.villages.list();
    const forgotten = lost.map(([, text]) => (JSON.parse(text) as { _id: string })._id);
    expect(left.map(({ id }) => id).sort()).to.deep.equal(names.filter((id) => !forgotten.includes(id)).sort());
    expect(new Set(left.map(({ credentialHash }) => credentialHash))).to.deep.equal(new Set(['new']));
    expect(lines.some((line) => line.level === 'error' && line.forgotten === 5)).to.equal(true);
    for (const id of forgotten) await mended.villages.create({ id, credentialHash: 'again', createdAt });
    expect(await mended.villages.list()).to.have.length(60);
  });

  it('does not hold up the start of the centre while it opens', async () => {
    let fail: ((error: Error) => void) | undefined;
    const slow = new Promise<EmbeddedStore>((_resolve, reject) => {
      fail = reject;
    });
    const keeper = new StoreKeeper({ open: () => slow, retries: false, log: silentLogger() });
    const starting = keeper.start();
    expect(() => keeper.store).to.throw('the centre is still opening its database');
    fail?.(new Error('it is in use'));
    expect(await starting.catch((error: Error) => error.message)).to.equal('it is in use');
    await keeper.stop();
  });

  it('gets from a node what it has lost, in one forced run', async () => {
    const centre = await GatewayCentre.start('embedded');
    const village = anyVillage();
    const site = await EdgeSite.start(village, path.join(root, 'node'), await centre.settingsFor(village));
    try {
      await site.post(measured(400));
      expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
      await centre.whileStopped(async () => {});
      const held = await centre.count();
      await centre.whileStopped(async () => {
        await harmLargest(path.join(centre.folder, 'telemetry'), '.ldb');
        // As when it was killed.
        await writeFile(path.join(centre.folder, 'telemetry', 'open'), '');
      });
      expect(await centre.count()).to.be.below(held);
      expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
      expect(await centre.count()).to.equal(held);
      expect(await centre.documents(village)).to.deep.equal(await site.documents());
    } finally {
      await site.stop();
      await centre.stop();
    }
  });

  const seed = testSeed();
  it(`tells the truth after files were harmed under a running centre, and takes what is missing (TEST_SEED=${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 2; round++) {
      const dataPath = path.join(root, `running-${round}`);
      const centre = new SimulatedCentre({ port: await freePort(), dataPath, env: { LOG_LEVEL: 'error' } });
      try {
        await centre.start();
        const password = await centre.addVillage('kano');
        const headers = {
          Authorization: `Basic ${Buffer.from(`kano:${password}`).toString('base64')}`,
          'Content-Type': 'application/json',
        };
        const ask = async <T>(where: string, init: RequestInit = {}): Promise<T | undefined> => {
          const response = await fetch(centre.url + where, { ...init, headers });
          const answer = (await response.json()) as T;
          return response.ok ? answer : undefined;
        };
        const send = async (docs: readonly Sent[]) => {
          const body = JSON.stringify({ docs, new_edits: false });
          const sent = () => ask('/telemetry/_bulk_docs', { method: 'POST', body });
          await waitFor(sent, { what: 'a write', timeoutMs: 60_000, intervalMs: 200 });
        };
        await send(documents.slice(0, 1_500));
        // Its log becomes a table.
        await centre.stop();
        await centre.start();
        await send(documents.slice(1_500));
        const harmed = path.join(dataPath, 'telemetry');
        const names = await dataFiles(harmed);
        const damage = await damageFile(harmed, names[random.integer(0, names.length - 1)] ?? '', random);
        // Of a table cut off LevelDB reads what is mapped no longer, and the process ends.
        await ask('/telemetry/_receipt?node=node1&from=1&to=9999').catch(() => undefined);
        await centre.process.kill('SIGKILL');
        await centre.start();
        const told = await waitFor(() => ask<{ count: number }>('/telemetry/_receipt?node=node1&from=1&to=9999'), {
          what: 'a receipt',
          timeoutMs: 60_000,
          intervalMs: 200,
        });
        let listed = 0;
        const list = '/v1/villages/kano/readings?format=ndjson';
        await waitFor(
          async () => {
            listed = 0;
            for await (const _line of centre.analyst.lines(list)) listed++;
            return true;
          },
          { what: 'a list', timeoutMs: 60_000, intervalMs: 200 },
        );
        expect(listed, damage).to.be.at.most(told.count);
        await send(documents);
        const all = await ask<{ count: number }>('/telemetry/_receipt?node=node1&from=1&to=9999');
        expect(all?.count, damage).to.equal(DOCUMENTS);
        await centre.stop();
      } finally {
        await centre.process.kill('SIGKILL');
      }
    }
  }).timeout(240_000);
});
