import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import type { TelemetryDocument } from '../../shared/documents.js';
import { listTelemetry, parseTelemetryQuery, streamTelemetry } from '../../shared/telemetry-list.js';
import type { SeededRandom } from '../../sim/random.js';
import { itWithSeed } from '../support/seeds.js';
import { MemoryReader, TogetherReader } from './memory-reader.js';
import { documents, expectedIds, instant, queries, telemetry, types } from './random-telemetry.js';

const held = fc.array(documents, { maxLength: 60 });

describe('a list from a reader that answers several ranges at once', () => {
  it('gives, page after page, every matching document once and in order, also beside other readers', async () => {
    await fc.assert(
      fc.asyncProperty(held, held, types, queries, async (one, other, kind, asked) => {
        const readers = [new TogetherReader(one), new MemoryReader(other)];
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const parsed = cursor === undefined ? {} : { cursor: parseTelemetryQuery({ cursor }).cursor };
          const page = await listTelemetry(readers, 'kano', kind, { ...asked, ...parsed });
          seen.push(...page.items.map(({ _id }) => _id));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(seen).to.deep.equal(expectedIds([...one, ...other], kind, asked));
      }),
      { numRuns: 400 },
    );
  });

  const mixtures: [string, (random: SeededRandom) => TelemetryDocument[]][] = [
    ['however fast or slow its series are', fastAndSlow],
    ['however late its series begin and however early they end', fromTimeToTime],
    ['where its series tell in bursts', inBursts],
  ];
  for (const [which, mixture] of mixtures) {
    itWithSeed(`holds no more than it may, ${which}, and asks many together`, async (random) => {
      const stored = mixture(random);
      const devices = new Set(stored.map(({ device }) => device)).size;
      for (const order of ['asc', 'desc'] as const) {
        const reader = new TogetherReader(stored);
        const read = new Set<string>();
        let mostHeld = 0;
        reader.onRead = (id) => read.add(id);
        let given = 0;
        const seen: string[] = [];
        for await (const { _id } of streamTelemetry([reader], 'kano', 'reading', { order }, 4000)) {
          seen.push(_id);
          mostHeld = Math.max(mostHeld, read.size - ++given);
        }
        expect(seen).to.deep.equal(expectedIds(stored, 'reading', { order, limit: 1 }));
        // Nine of each, and the one that the search has read.
        expect(mostHeld).to.be.at.most(4000 + 10 * devices);
        expect(reader.mostExpected).to.be.at.most(4000);
        expect(reader.questions, 'questions').to.be.below(stored.length / 20);
      }
    });
  }

  it('holds fewer of large documents', async () => {
    const note = 'x'.repeat(10_000);
    const reader = new TogetherReader(readingsOf(40, 100).map((one) => ({ ...one, note })));
    const read = new Set<string>();
    reader.onRead = (id) => read.add(id);
    let [given, mostHeld] = [0, 0];
    for await (const _ of streamTelemetry([reader], 'kano', 'reading', { order: 'asc' })) {
      mostHeld = Math.max(mostHeld, read.size - ++given);
    }
    expect(given).to.equal(4000);
    // 24 MiB of them, nine of each device, and what the search has read.
    expect(mostHeld).to.be.at.most(2_492 + 10 * 40);
  });

  it('asks about many series together for a page of one document of each', async () => {
    const reader = new TogetherReader(readingsOf(300, 20));
    const page = await listTelemetry([reader], 'kano', 'reading', parseTelemetryQuery({ limit: '300' }));
    expect(new Set(page.items.map(({ device }) => device)).size).to.equal(300);
    expect(reader.questions).to.be.below(40);
  });

  it('asks for nothing more once nobody takes its documents', async () => {
    const reader = new TogetherReader(readingsOf(100, 200));
    let asked = 0;
    for await (const { _id } of streamTelemetry([reader], 'kano', 'reading', { order: 'asc' })) {
      if (_id.endsWith(instant(5))) break;
      asked = reader.questions;
    }
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(reader.questions).to.equal(asked);
    expect(reader.underWay).to.equal(0);
  });

  it('fails where reading ahead has failed, after what was read before', async () => {
    const stored = readingsOf(50, 400);
    const reader = new TogetherReader(stored);
    reader.beforeCall = (calls) => {
      if (calls > 150) throw new Error('the database is gone');
    };
    const seen: TelemetryDocument[] = [];
    const reading = (async () => {
      for await (const one of streamTelemetry([reader], 'kano', 'reading', { order: 'asc' }, 5000)) seen.push(one);
    })();
    expect(await reading.catch(({ message }: Error) => message)).to.equal('the database is gone');
    const wanted = expectedIds(stored, 'reading', { order: 'asc', limit: 1 });
    expect(seen.length).to.be.within(1, wanted.length - 1);
    expect(seen.map(({ _id }) => _id)).to.deep.equal(wanted.slice(0, seen.length));
  });
});

/** Every tenth device tells forty times as often as the others. */
function fastAndSlow(random: SeededRandom): TelemetryDocument[] {
  return Array.from({ length: 60 }, (_, device) => {
    const everyS = device % 10 === 0 ? 5 : 200;
    return readingsAt(device, Array(Math.floor(8000 / everyS)).fill(everyS), random.integer(0, 200));
  }).flat();
}

function fromTimeToTime(random: SeededRandom): TelemetryDocument[] {
  return Array.from({ length: 200 }, (_, device) =>
    readingsAt(device, Array(60).fill(random.integer(1, 60)), random.integer(0, 3000)),
  ).flat();
}

function inBursts(random: SeededRandom): TelemetryDocument[] {
  const pauseS = () => (random.integer(0, 20) === 0 ? random.integer(50, 2000) : 1);
  return Array.from({ length: 60 }, (_, device) => readingsAt(device, Array.from({ length: 200 }, pauseS), 0)).flat();
}

function readingsAt(device: number, stepsS: readonly number[], startS: number): TelemetryDocument[] {
  let atS = startS;
  return stepsS.map((stepS) => {
    atS += stepS;
    return telemetry('kano', 'reading', { device: `m${device}`, at: instant(atS) });
  });
}

function readingsOf(devices: number, each: number): TelemetryDocument[] {
  return Array.from({ length: devices * each }, (_, n) =>
    telemetry('kano', 'reading', { device: `m${n % devices}`, at: instant(Math.floor(n / devices)) }),
  );
}
