import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AcknowledgedMark } from '../../../edge/ledger/acknowledged-mark.js';
import { AppError } from '../../../shared/app-error.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { listAll, post } from '../api/node-client.js';
import { SEGMENT_SIZES, useNodes } from '../api/node-under-test.js';
import { numbersByNode, upTo } from './store-under-test.js';

const reading = (n: number) => ({ device: 'm1', at: new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString(), powerW: n });

const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no failure',
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
  );

for (const SEGMENT_MAX_DOCS of SEGMENT_SIZES) {
  describe(`the identity of a store (rolls at ${SEGMENT_MAX_DOCS})`, () => {
    const nodes = useNodes();
    const folder = useTempFolder();
    const start = (where: string) => nodes.start(where, { SEGMENT_MAX_DOCS });

    it('is the same after a restart: its name stays, numbers go on at the last one + 1, and boot rises', async () => {
      const names = new Set<string>();
      for (const boot of [1, 2, 3]) {
        const node = await start(folder.path);
        const answer = await post(
          node.url,
          'readings',
          upTo(5).map((n) => reading(boot * 10 + n)),
        );
        // One number for each boot event, too.
        expect(answer.body).to.deep.equal({ accepted: 5, duplicates: 0, lastSeq: boot * 6 });
        names.add((await node.status()).node);
        const mine = (await listAll(node.url, 'readings')).filter((one) => one.boot === boot);
        expect(mine.map(({ seq }) => seq)).to.deep.equal(upTo(5).map((n) => (boot - 1) * 6 + 1 + n));
        await node.stop();
      }
      expect([...names][0]).to.match(/^[a-z0-9]{4,12}$/);
      expect(names.size).to.equal(1);
    });

    it('is a new one in a copied folder: other name, numbers from 1, the old data still there', async () => {
      const original = path.join(folder.path, 'original');
      const copy = path.join(folder.path, 'copy');
      const first = await start(original);
      await post(first.url, 'readings', upTo(20).map(reading));
      const name = (await first.status()).node;
      await first.stop();
      await cp(original, copy, { recursive: true });
      const second = await start(copy);
      expect((await second.status()).node).to.not.equal(name);
      // Number 1 is the boot event.
      const added = await post(second.url, 'readings', [reading(1), reading(21), reading(22)]);
      expect(added.body).to.deep.equal({ accepted: 2, duplicates: 1, lastSeq: 3 });
      const listed = await listAll(second.url, 'readings');
      expect(listed.map(({ powerW }) => powerW)).to.deep.equal(upTo(22));
      expect(listed.map(({ seq }) => seq)).to.deep.equal([...upTo(21).slice(1), 2, 3]);
      await second.stop();
      const again = await start(original);
      expect((await again.status()).node).to.equal(name);
    });

    it('is a new one when documents acknowledged last are gone, which are counted as lost', async () => {
      const first = await start(folder.path);
      await post(first.url, 'readings', upTo(10).map(reading));
      const { node: name, store } = await first.status();
      await first.stop();
      const mark = await AcknowledgedMark.open(folder.path);
      await mark.write(name, store.lastSeq + 1);
      await mark.close();
      const second = await start(folder.path);
      const { node: renamed, store: found } = await second.status();
      expect(renamed).to.not.equal(name);
      expect(found.lost).to.equal(1);
      await post(second.url, 'readings', upTo(12).map(reading));
      const listed = await listAll(second.url, 'readings');
      expect(numbersByNode(listed)).to.deep.equal({ [name]: upTo(11).slice(1), [renamed]: [2, 3] });
      await second.stop();
      const third = await start(folder.path);
      expect((await third.status()).node).to.equal(renamed);
    });

    it('is a new one when what was acknowledged is not known any more', async () => {
      const first = await start(folder.path);
      await post(first.url, 'readings', upTo(10).map(reading));
      const { node: name } = await first.status();
      await first.stop();
      await writeFile(path.join(folder.path, 'acknowledged'), 'rubbish');
      const second = await start(folder.path);
      const { node: renamed, store } = await second.status();
      expect(renamed).to.not.equal(name);
      expect(store.lost).to.equal(0);
      expect(await listAll(second.url, 'readings')).to.have.length(10);
      await second.stop();
      expect((await (await start(folder.path)).status()).node).to.equal(renamed);
    });

    /** Puts files back into the folder they were copied from, which stays the same folder. */
    const putBack = async (from: string, to: string) => {
      for (const name of await readdir(to)) await rm(path.join(to, name));
      await cp(from, to, { recursive: true });
    };

    it('is a new one when the state is an older one than the documents, and no event id is given twice', async () => {
      const [state, backup] = [path.join(folder.path, 'state'), path.join(folder.path, 'backup')];
      const first = await start(folder.path);
      await post(first.url, 'readings', upTo(3).map(reading));
      const { node: name } = await first.status();
      await first.stop();
      await cp(state, backup, { recursive: true });
      const second = await start(folder.path);
      await post(second.url, 'readings', [reading(4)]);
      await second.stop();
      await putBack(backup, state);
      const third = await start(folder.path);
      expect((await third.status()).node).to.not.equal(name);
      await post(third.url, 'readings', [reading(5)]);
      const listed = await listAll(third.url, 'readings');
      expect(listed.map(({ boot }) => boot)).to.deep.equal([1, 1, 1, 2, 3]);
      const answer = await fetch(`${third.url}/v1/check`, { method: 'POST' });
      expect(JSON.parse((await answer.text()).trim().split('\n').at(-1) ?? '')).to.include({ ok: true });
    });

    it('never takes a name again that it has given up', async () => {
      const [state, backup] = [path.join(folder.path, 'state'), path.join(folder.path, 'backup')];
      const first = await start(folder.path);
      await post(first.url, 'readings', upTo(3).map(reading));
      await first.stop();
      await cp(state, backup, { recursive: true });
      await rm(path.join(folder.path, 'acknowledged'));
      const second = await start(folder.path);
      const { node: renamed } = await second.status();
      await post(second.url, 'readings', [reading(4)]);
      await second.stop();
      await putBack(backup, state);
      const third = await start(folder.path);
      await post(third.url, 'readings', [reading(5)]);
      const numbers = numbersByNode(await listAll(third.url, 'readings'));
      expect(Object.keys(numbers)).to.have.length(3).and.include(renamed);
      for (const given of Object.values(numbers)) expect(new Set(given).size).to.equal(given.length);
    });

    it('belongs to one village: another is told whose it is, and changes nothing', async () => {
      const first = await start(folder.path);
      await post(first.url, 'readings', reading(1));
      await first.stop();
      const failure = await failureOf(nodes.start(folder.path, { VILLAGE_ID: 'Bamenda' }));
      expect(failure).to.equal(`usage: the data folder ${folder.path} belongs to village kano, not to bamenda`);
      const again = await start(folder.path);
      expect((await again.status()).store.lastSeq).to.equal(3);
      expect(await listAll(again.url, 'readings')).to.have.length(1);
    });

    it('cannot be in a place that is not a folder', async () => {
      const file = path.join(folder.path, 'file');
      await writeFile(file, 'not a folder');
      expect(await failureOf(start(path.join(file, 'data')))).to.match(
        new RegExp(`^usage: the data folder ${file}/data cannot be used: `),
      );
    });

    it('forgets a segment that was never finished being made', async () => {
      const first = await start(folder.path);
      await post(first.url, 'readings', upTo(3).map(reading));
      await first.stop();
      await mkdir(path.join(folder.path, 'segments', '000099'));
      const second = await start(folder.path);
      expect((await post(second.url, 'readings', reading(4))).body.lastSeq).to.equal(6);
      expect(await listAll(second.url, 'readings')).to.have.length(4);
    });
  });
}
