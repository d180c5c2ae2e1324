import { brotliCompressSync, constants } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { shuffledReadings, storedDocument, VILLAGE_FLEET } from '../../../bench/support/readings.js';
import { alignedJson } from '../../../edge/link/aligned-json.js';
import { inSendingOrder } from '../../../edge/push/document-order.js';
import type { TelemetryDocument } from '../../../shared/documents.js';

function documents(count: number): TelemetryDocument[] {
  const readings = shuffledReadings(VILLAGE_FLEET, 24_000, count);
  return readings.map((reading, index) => storedDocument(reading, index + 1) as unknown as TelemetryDocument);
}

function brotliBytes(docs: readonly TelemetryDocument[]): number {
  const plain = Buffer.from(alignedJson({ docs, new_edits: false }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 10 };
  return brotliCompressSync(plain, { params }).length;
}

describe('the order of sending', () => {
  it('keeps every document and every field, whatever the fields', () => {
    const mixed = [
      ...documents(20),
      {
        _id: 'kano:e:node1:1-1',
        _rev: '1-0a',
        type: 'event',
        village: 'kano',
        node: 'node1',
        seq: 21,
        boot: 1,
        at: 'x',
      },
      { ...documents(1)[0], _id: 'a', clock: 'unsure', state: 'on', ok: true, lists: [[1, 2]] },
    ] as TelemetryDocument[];
    const before = structuredClone(mixed);
    const ordered = inSendingOrder(mixed);
    expect(ordered).to.have.deep.members(before);
    expect(ordered).to.have.length(before.length);
    expect(mixed, 'the list given stays as it is').to.deep.equal(before);
    const ids = ordered.map(({ _id }) => _id);
    expect(ids).to.deep.equal([...ids].sort());
  });

  it('takes nothing for something', () => {
    expect(inSendingOrder([])).to.deep.equal([]);
  });

  it('saves bytes compared with readings in the order of their arrival', () => {
    const arrived = documents(300);
    expect(brotliBytes(inSendingOrder(arrived))).to.be.below(0.93 * brotliBytes(arrived));
  });
});
