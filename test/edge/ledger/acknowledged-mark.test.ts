import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { type Acknowledged, AcknowledgedMark } from '../../../edge/ledger/acknowledged-mark.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';

const BLOCK = 4096;

describe('the mark of what was acknowledged', () => {
  let open: AcknowledgedMark[] = [];
  afterEach(async () => {
    for (const mark of open.splice(0)) await mark.close();
  });
  const folder = useTempFolder();
  const file = () => path.join(folder.path, 'acknowledged');

  const reopen = async (): Promise<AcknowledgedMark> => {
    for (const mark of open.splice(0)) await mark.close();
    const mark = await AcknowledgedMark.open(folder.path);
    open.push(mark);
    return mark;
  };
  /** What is read from this content of the file. */
  const readFrom = async (content: Buffer): Promise<Acknowledged | undefined> => {
    await writeFile(file(), content);
    await rm(`${file()}.copy`, { force: true });
    const { value } = await reopen();
    return value && { node: value.node, seq: value.seq };
  };

  it('is nothing before the first number, and then the last one written, also after a restart', async () => {
    expect((await reopen()).value).to.equal(undefined);
    expect((await reopen()).value).to.equal(undefined);
    const mark = await reopen();
    for (const seq of [0, 1, 500, 501]) {
      await mark.write('abc123', seq);
      expect(mark.value).to.deep.equal({ node: 'abc123', seq });
    }
    expect((await reopen()).value).to.include({ node: 'abc123', seq: 501 });
    await (await reopen()).write('zz00', 3);
    expect((await reopen()).value).to.include({ node: 'zz00', seq: 3 });
  });

  it('has all its space from the beginning, and never takes more', async () => {
    const mark = await reopen();
    const { size, ino } = await stat(file());
    expect(size).to.equal(2 * BLOCK);
    for (let seq = 1; seq < 50; seq++) await mark.write('abc123', seq * 1e12);
    expect(await stat(file())).to.include({ size, ino });
  });

  it('writes in turn what is asked for at once, the last asked for stays', async () => {
    const mark = await reopen();
    await Promise.all(Array.from({ length: 20 }, (_, n) => mark.write('abc123', n + 1)));
    expect((await reopen()).value).to.include({ seq: 20 });
  });

  for (const newest of [7, 8]) {
    it(`is never higher than written, and the other block's where one is torn (${newest} writes)`, async () => {
      const mark = await reopen();
      for (let seq = 1; seq <= newest; seq++) await mark.write('abc123', seq * 9);
      await reopen();
      const whole = await readFile(file());
      const newestAt = (newest % 2) * BLOCK;
      const older = { node: 'abc123', seq: (newest - 1) * 9 };
      const texts = [0, BLOCK].map((start) => whole.indexOf('\n', start) - start + 1);
      for (const [block, length] of texts.entries()) {
        const start = block * BLOCK;
        // Every byte that says something, and some of those that do not.
        for (const at of [...Array(length).keys(), length, 512, 2048, BLOCK - 1]) {
          const torn = Buffer.from(whole);
          torn[start + at] = (torn[start + at] ?? 0) ^ 0xff;
          expect(await readFrom(torn), `byte ${start + at}`).to.deep.equal(
            start === newestAt ? older : { node: 'abc123', seq: newest * 9 },
          );
        }
      }
    });
  }

  itWithSeed('is never higher than written, whatever byte becomes whatever', async (random) => {
    const mark = await reopen();
    for (const seq of [99, 100]) await mark.write('abc123', seq);
    await reopen();
    const whole = await readFile(file());
    for (let n = 0; n < 600; n++) {
      const torn = Buffer.from(whole);
      for (let flips = random.integer(1, 3); flips > 0; flips--) {
        torn[random.integer(0, 1) * BLOCK + random.integer(0, 30)] = random.integer(0, 255);
      }
      const value = await readFrom(torn);
      expect(value?.seq ?? 99, torn.toString('latin1', 0, 40)).to.be.oneOf([99, 100]);
      expect(value?.node ?? 'abc123').to.equal('abc123');
    }
  });

  it('is not known where both blocks are damaged, and can be written again', async () => {
    for (const content of [Buffer.alloc(0), Buffer.alloc(10), Buffer.alloc(3 * BLOCK, 0xff), Buffer.alloc(2 * BLOCK)]) {
      expect(await readFrom(content)).to.equal(undefined);
      const mark = await reopen();
      await mark.write('abc123', 5);
      await mark.write('abc123', 6);
      expect((await reopen()).value).to.include({ seq: 6 });
    }
  });

  it('keeps one number where the file was cut within the second block', async () => {
    const mark = await reopen();
    for (const seq of [1, 2, 3]) await mark.write('abc123', seq);
    for (const length of [BLOCK, BLOCK + 5]) {
      await truncate(file(), length);
      await rm(`${file()}.copy`);
      expect((await reopen()).value).to.include({ seq: 2 });
    }
  });

  it('keeps what it knew when a write fails, and says so', async () => {
    const mark = await reopen();
    await mark.write('abc123', 1);
    await mark.close();
    open = [];
    const failure = await mark.write('abc123', 2).catch((error: Error) => error.message);
    expect(failure).to.be.a('string');
    expect(mark.value).to.include({ seq: 1 });
    expect((await reopen()).value).to.include({ seq: 1 });
  });

  for (const [how, damage] of Object.entries({
    gone: () => rm(file()),
    empty: () => truncate(file(), 0),
    'cut within the first block': () => truncate(file(), 20),
  })) {
    it(`is not known where the file is ${how}, and its copy says how much it was at least`, async () => {
      for (const seq of [1, 2]) await (await reopen()).write('abc123', seq);
      await damage();
      const mark = await reopen();
      expect(mark.value).to.equal(undefined);
      expect(mark.atLeast).to.include({ node: 'abc123', seq: 2 });
      await mark.write('def456', 7);
      expect((await reopen()).value).to.include({ node: 'def456', seq: 7 });
    });
  }

  it("is believed where its copy is behind, as after a power cut, and is the copy's where its newer block is damaged", async () => {
    for (const seq of [1, 2]) await (await reopen()).write('abc123', seq);
    const copy = `${file()}.copy`;
    const older = await readFile(copy);
    await (await reopen()).write('abc123', 3);
    const newer = await readFile(copy);
    await writeFile(copy, older);
    expect((await reopen()).value).to.include({ seq: 3 });
    const content = await readFile(file());
    await writeFile(file(), content.fill(0, BLOCK));
    expect((await reopen()).value).to.include({ seq: 2 });
    await writeFile(copy, newer);
    expect((await reopen()).value).to.include({ seq: 3 });
    await rm(copy);
    expect((await reopen()).value).to.include({ seq: 2 });
  });
});
