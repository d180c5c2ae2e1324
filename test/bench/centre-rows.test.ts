/** The rows that fill a centre, in their small form; a CouchDB is measured along where COUCHDB_URL names one. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { csvExport } from '../../bench/csv-export.js';
import { receipts } from '../../bench/receipts.js';
import type { Row } from '../../bench/row.js';
import { couchdbUrl } from '../support/couchdb.js';
import { useTempFolder } from '../support/temp-folder.js';

const STORES = couchdbUrl() ? ['embedded', 'couchdb'] : ['embedded'];

describe(`rows of the benchmark that fill a centre (${STORES.join(', ')})`, () => {
  const folder = useTempFolder();
  const measure = async (row: Row): Promise<string[]> => {
    const signal = new AbortController().signal;
    const context = { peerFirst: true, small: true, profileFolder: undefined, signal, say: () => undefined };
    const measured = await row.measure({ ...context, folder: folder.path });
    for (const { figure, ours, peer = 1 } of measured) expect(Math.min(ours, peer), figure.key).to.be.above(0);
    return measured.map(({ figure }) => figure.key);
  };

  it('measure receipts of exactly what was stored', async () => {
    const keys = STORES.flatMap((store) => [`receipt-${store}`, `receipt-${store}-further`]);
    expect(await measure(receipts)).to.deep.equal(keys);
  }).timeout(120_000);

  it('measure exports of everything that was stored', async () => {
    const keys = STORES.flatMap((store) => {
      const suffix = store === 'couchdb' ? '-couchdb' : '';
      return ['csv-first-byte', 'csv-rate', 'village-cold', 'village-warm'].map((key) => key + suffix);
    });
    expect(await measure(csvExport)).to.include.members(keys);
  }).timeout(120_000);
});
