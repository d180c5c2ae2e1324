import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { eventId, parseTelemetryId, seriesPrefix, telemetryId, villageIdSchema } from '../../shared/documents.js';
import { formatInstant } from '../../shared/time.js';
import { itWithSeed } from '../support/seeds.js';

const instant = fc
  .integer({ min: Date.parse('0000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') })
  .map(formatInstant);
const village = fc.stringMatching(/^[a-z][a-z0-9_-]{0,62}$/);
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);

describe('ids of telemetry', () => {
  it('are as the contract says', () => {
    const at = '2026-03-01T00:00:00.000Z';
    const time = '2026-03-02T00:00:00.000Z';
    expect(telemetryId('kano', 'reading', { device: 'm1', at })).to.equal(`kano:r:m1:${at}`);
    expect(telemetryId('kano', 'prediction', { model: 'pv', at })).to.equal(`kano:p:pv:-:${at}:${at}`);
    expect(telemetryId('kano', 'prediction', { model: 'pv', device: 'm1', at, for: time })).to.equal(
      `kano:p:pv:m1:${time}:${at}`,
    );
    expect(eventId('kano', 'abcd', 3, 1)).to.equal('kano:e:abcd:3-1');
  });

  itWithSeed('can be taken apart again into series and time', (_, seed) => {
    fc.assert(
      fc.property(
        village,
        name,
        fc.option(name, { nil: undefined }),
        instant,
        fc.option(instant, { nil: undefined }),
        (where, who, device, at, time) => {
          const reading = { device: who, at };
          expect(parseTelemetryId(telemetryId(where, 'reading', reading))).to.deep.equal({
            ...{ village: where, type: 'reading', time: at },
            prefix: seriesPrefix(where, 'reading', reading),
          });
          const prediction = { model: who, device, at, for: time };
          expect(parseTelemetryId(telemetryId(where, 'prediction', prediction))).to.deep.equal({
            ...{ village: where, type: 'prediction', time: time ?? at },
            prefix: seriesPrefix(where, 'prediction', prediction),
          });
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  it('are told from what is none', () => {
    for (const id of [
      '',
      'kano',
      'kano:r',
      'kano:r:m1',
      'kano:e:abcd:1-1',
      'kano:r:2026-03-01T00:00:00.000Z:',
      '_design/x',
    ]) {
      expect(parseTelemetryId(id), id).to.equal(undefined);
    }
  });
});

describe('a village id', () => {
  it('is kept in lower case, and refused when it could not name a partition and a database', () => {
    expect(villageIdSchema.parse('Bamenda_2-a')).to.equal('bamenda_2-a');
    for (const id of ['', '9lives', '_x', '-x', 'a:b', 'a b', 'a.b', 'é', 'a'.repeat(64), 'kano\n']) {
      expect(villageIdSchema.safeParse(id).success, JSON.stringify(id)).to.equal(false);
    }
  });
});
