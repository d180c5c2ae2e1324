/** Bodies that are small as they are sent, and would take gigabytes once parsed. */
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { assertModest } from '../../../server/gateway/body-density.js';
import { Centre, json, type VillageLogin } from '../support/centre.js';
import { readings } from '../support/documents.js';

const MIB = 1024 * 1024;

describe('the values of a body', () => {
  let centre: Centre;
  let kano: VillageLogin;

  before(async () => {
    centre = await Centre.start('embedded');
    kano = await centre.addVillage('kano');
  });

  after(() => centre.stop());

  const answerTo = async (path: string, text: string): Promise<unknown> => {
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    const response = await centre.as(kano, path, { method: 'POST', headers, body: gzipSync(text) });
    return [response.status, ((await response.json()) as { error: string }).error];
  };

  it('are too many in a few kilobytes of gzip, whatever they are, and the village is served on', async () => {
    const count = 8 * MIB - 100;
    for (const path of ['/telemetry/_bulk_docs', '/telemetry/_revs_diff']) {
      expect(await answerTo(path, `{"docs":[0${',0'.repeat(count)}],"new_edits":false}`)).to.deep.equal([
        413,
        'too_large',
      ]);
      expect(await answerTo(path, '['.repeat(count) + ']'.repeat(count))).to.deep.equal([413, 'too_large']);
    }
    const good = json({ docs: readings('kano', 1), new_edits: false });
    expect((await centre.as(kano, '/telemetry/_bulk_docs', good)).status).to.equal(201);
  });

  it('are taken in 20,000 documents or ids, and in no more', async () => {
    const docs = (count: number) => JSON.stringify({ docs: new Array(count).fill(0), new_edits: false });
    const ids = (count: number) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [n, []])));
    expect(await answerTo('/telemetry/_bulk_docs', docs(20_001))).to.deep.equal([413, 'too_large']);
    expect(await answerTo('/telemetry/_revs_diff', ids(20_001))).to.deep.equal([413, 'too_large']);
    expect(await answerTo('/telemetry/_bulk_docs', docs(20_000))).to.have.property('0', 201);
    expect(await answerTo('/telemetry/_revs_diff', ids(20_000))).to.have.property('0', 200);
  });

  it('are as many as honest documents have, in bodies of every size', () => {
    const document = JSON.stringify(Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`f${n}`, n])));
    for (const count of [1, 100, 1_000, 20_000]) {
      const body = Buffer.from(`{"docs":[${new Array(count).fill(document).join(',')}]}`);
      expect(() => assertModest(body)).not.to.throw();
    }
  });
});
