import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readDevice } from '../../../server/analyst/energy-source.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import type { RangeReader } from '../../../shared/range-reader.js';
import { formatInstant } from '../../../shared/time.js';

const START_MS = Date.parse('2026-03-01T00:00:00.000Z');
const PREFIX = 'kano:r:m1:';

/** Readings a second apart, without an end. */
const endless: RangeReader = {
  firstId: async () => undefined,
  readRange: async ({ startId, descending, limit }) => {
    if (descending) return [];
    const at = startId.slice(PREFIX.length).replace('\u0000', '');
    const startMs = Date.parse(at) + (startId.endsWith('\u0000') ? 1000 : 0);
    return Array.from({ length: limit }, (_, n): TelemetryDocument => {
      const time = formatInstant(startMs + n * 1000);
      const owned = { type: 'reading', village: 'kano', node: 'node1', seq: 1, boot: 1, device: 'm1' } as const;
      return { _id: PREFIX + time, _rev: '1-a', ...owned, at: time, energyKwh: 1 };
    }).filter((one) => one.at < '2026-03-02');
  },
};

describe('what a meter has told of its energy', () => {
  it('is refused where it is more than fits into memory, with what to do', async () => {
    const refused = await readDevice(endless, PREFIX, START_MS, START_MS + 1e9, 5_000).then(
      () => undefined,
      (error: Error & { code: string }) => error,
    );
    expect(refused?.code).to.equal('invalid_request');
    expect(refused?.message).to.equal(
      'the device m1 has more than 5,000 readings between from and to; ask for a shorter range',
    );
  });

  it('is read up to that number', async () => {
    const found = await readDevice(endless, PREFIX, START_MS, START_MS + 1e9, 100_000);
    expect(found.registerKwh).to.have.length(86_400);
  });
});
