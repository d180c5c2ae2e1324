import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { telemetryId } from '../../../shared/documents.js';
import { contentRevision } from '../../../shared/revision.js';
import { formatInstant } from '../../../shared/time.js';
import { Centre, type VillageLogin } from '../support/centre.js';
import type { Sent } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

interface Bucket {
  start: string;
  hours: number;
  kwh: number | null;
  [name: string]: unknown;
}

interface Device {
  device: string;
  source: string;
  kwh: number | null;
  first: { at: string; energyKwh: number };
  last: { at: string; energyKwh: number };
  buckets: Bucket[];
  resets: Record<string, unknown>[];
  rollovers: Record<string, unknown>[];
  gaps: Record<string, unknown>[];
  duplicates: number;
  unsureClock: number;
}

/** Measured data that lies beside the project, where there is any: `../shared/data` as seen from its root. */
const DATA = path.resolve(fileURLToPath(new URL('../../../../', import.meta.url)), '..', 'shared', 'data');
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

for (const kind of STORES) {
  describe(`energy by hour and day on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let kano: VillageLogin;
    let count = 0;

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('kano');
    });
    after(() => centre.stop());

    const meter = (device: string, at: string | number, fields: Record<string, unknown>): Sent => {
      const known = { device, at: typeof at === 'number' ? formatInstant(at) : at };
      const owned = { type: 'reading', village: 'kano', node: 'node1', seq: ++count, boot: 1 };
      const document = { _id: telemetryId('kano', 'reading', known), ...owned, ...known, ...fields };
      return { ...document, _rev: contentRevision(document._id, document) };
    };
    const push = async (documents: Sent[]) => {
      for (let start = 0; start < documents.length; start += 1000) {
        const entries = await centre.push(kano, documents.slice(start, start + 1000));
        expect(entries.every(({ ok }) => ok === true)).to.equal(true);
      }
    };
    const devices = async (query: string): Promise<Device[]> => {
      const response = await centre.analyst(`/v1/villages/kano/energy?${query}`);
      expect(response.status).to.equal(200);
      return ((await response.json()) as { devices: Device[] }).devices;
    };
    const only = async (query: string): Promise<Device> => {
      const [found, ...others] = await devices(query);
      expect(others).to.deep.equal([]);
      if (!found) throw new Error('no device told of energy');
      return found;
    };

    it('follows the calendar of the zone over the day on which clocks change, up to the borders asked for', async () => {
      const startMs = Date.parse('2026-03-27T00:00:00Z');
      const documents = Array.from({ length: 4 * 24 * 5 }, (_, n) =>
        meter('dst', startMs + n * 15 * MINUTE_MS, { energyKwh: n, voltageV: 230 }),
      );
      await push(documents);
      const found = await only('device=dst&from=2026-03-28&to=2026-03-31&tz=Europe/Berlin');
      expect(found.buckets).to.deep.equal([
        { start: '2026-03-28T00:00:00.000+01:00', hours: 24, kwh: 96 },
        { start: '2026-03-29T00:00:00.000+01:00', hours: 23, kwh: 92 },
        { start: '2026-03-30T00:00:00.000+02:00', hours: 24, kwh: 96 },
      ]);
      expect(found).to.include({ source: 'energyKwh', kwh: 284, duplicates: 0, unsureClock: 0 });
      expect([found.first, found.last]).to.deep.equal([
        { at: '2026-03-27T23:00:00.000Z', energyKwh: 92 },
        { at: '2026-03-30T22:00:00.000Z', energyKwh: 376 },
      ]);
      const hours = await only(
        'device=dst&from=2026-03-28T10:07:30Z&to=2026-03-28T12:00:00Z&step=hour&tz=Africa/Douala',
      );
      expect(hours.buckets).to.deep.equal([
        { start: '2026-03-28T11:07:30.000+01:00', hours: 0.875, kwh: 3.5, interpolatedKwh: 0.5 },
        { start: '2026-03-28T12:00:00.000+01:00', hours: 1, kwh: 4 },
      ]);
    });

    it('names resets, rollovers, gaps, unsure clocks and readings given twice, by bucket and device', async () => {
      const startMs = Date.parse('2026-05-01T00:00:00Z');
      const at = (quarter: number) => startMs + quarter * 15 * MINUTE_MS;
      const registers = [9_997, 9_998, 9_999, 0.5, 1.5, 2.5, 0, 1, 2];
      await push([
        ...registers.map((energyKwh, n) => meter('odd', at(n), { energyKwh })),
        meter('odd', at(8) + 2_000, { energyKwh: 2 }),
        meter('odd', at(10), { energyKwh: 1_000_000, clock: 'unsure' }),
        ...[7, 8, 9, 10].map((energyKwh, n) => meter('odd', at(28 + n), { energyKwh })),
      ]);
      const found = await only('device=odd&from=2026-05-01&to=2026-05-01T09:00:00Z&step=hour');
      expect(found.rollovers).to.deep.equal([
        {
          from: formatInstant(at(2)),
          to: formatInstant(at(3)),
          fromKwh: 9999,
          toKwh: 0.5,
          kwh: 1.5,
          capacityKwh: 10000,
        },
      ]);
      expect(found.resets).to.deep.equal([
        { from: formatInstant(at(5)), to: formatInstant(at(6)), fromKwh: 2.5, toKwh: 0, kwh: 0 },
      ]);
      expect(found.gaps).to.deep.equal([{ from: formatInstant(at(8)), to: formatInstant(at(28)), kwh: 5 }]);
      expect(found).to.include({ duplicates: 1, unsureClock: 1, kwh: 15.5 });
      expect(found.buckets.map(({ kwh }) => kwh)).to.deep.equal([4.5, 3, 1, 1, 1, 1, 1, 3, null]);
      expect(found.buckets[0]).to.deep.equal({
        ...{ start: '2026-05-01T00:00:00.000Z', hours: 1, kwh: 4.5, rollovers: 1 },
      });
      expect(found.buckets[1]).to.include({ resets: 1 });
      expect(found.buckets[2]).to.include({ gapKwh: 1, interpolatedKwh: 1, duplicates: 1, unsureClock: 1 });
      expect(found.buckets[7]).to.include({ coveredHours: 0.75 });
      const inTheGap = await only('device=odd&from=2026-05-01T03:00:00Z&to=2026-05-01T04:00:00Z&step=hour');
      expect(inTheGap.buckets).to.deep.equal([
        { start: '2026-05-01T03:00:00.000Z', hours: 1, kwh: 1, interpolatedKwh: 1, gapKwh: 1 },
      ]);
      expect(inTheGap.gaps).to.have.length(1);
    });

    it('says where it had to take the energy of periods, and leaves devices without energy out', async () => {
      const startMs = Date.parse('2026-06-01T00:00:00Z');
      await push([
        ...Array.from({ length: 8 }, (_, n) =>
          meter('periods', startMs + (n + 1) * 15 * MINUTE_MS, { periodKwh: 0.25 }),
        ),
        meter('weather', startMs, { temperatureC: 30 }),
      ]);
      const found = await devices('from=2026-06-01&to=2026-06-01T02:00:00Z&step=hour');
      const periods = found.find(({ device }) => device === 'periods');
      expect(periods).to.include({ source: 'periodKwh', kwh: 2 });
      expect(periods?.buckets.map(({ kwh }) => kwh)).to.deep.equal([1, 1]);
      expect(found.map(({ device }) => device)).to.not.include('weather');
      expect(await devices('device=weather&from=2026-06-01&to=2026-06-02')).to.deep.equal([]);
      expect(await devices('device=nothing&from=2026-06-01&to=2026-06-02')).to.deep.equal([]);
    });

    it('takes in all readings whose time can be trusted where it is not told from when to when', async () => {
      const startMs = Date.parse('2026-04-10T06:00:00Z');
      await push([
        meter('whole', '1970-01-01T00:01:00.000Z', { energyKwh: 1, clock: 'unsure' }),
        ...Array.from({ length: 60 }, (_, n) => meter('whole', startMs + n * HOUR_MS, { energyKwh: 100 + n })),
        meter('whole', '2099-01-01T00:00:00.000Z', { energyKwh: 999, clock: 'unsure' }),
      ]);
      const days = async (query: string) => {
        const { kwh, buckets } = await only(`device=whole${query}`);
        return [kwh, buckets.map(({ start }) => start.slice(5, 13))];
      };
      expect(await days('')).to.deep.equal([59, ['04-10T06', '04-11T00', '04-12T00']]);
      expect(await days('&from=2026-04-11')).to.deep.equal([41, ['04-11T00', '04-12T00']]);
      expect(await days('&to=2026-04-11')).to.deep.equal([18, ['04-10T06']]);
      for (const query of ['device=unheard', 'device=whole&to=2026-01-01', 'device=whole&from=2026-05-01']) {
        expect(await devices(query).then((found) => found.flatMap(({ buckets }) => buckets))).to.deep.equal([]);
      }
      const village = await centre.addVillage('silent');
      const response = await centre.analyst(`/v1/villages/${village.id}/energy`);
      expect([response.status, ((await response.json()) as { devices: unknown[] }).devices]).to.deep.equal([200, []]);
    });

    it('refuses what it cannot answer, naming the parameter', async () => {
      for (const [query, name] of [
        ['from=yesterday&to=2026-01-02', 'from'],
        ['from=2026-01-01&to=2026-02-30', 'to'],
        ['from=2026-01-01T00:00:00&to=2026-01-02', 'from'],
        ['from=2026-01-02&to=2026-01-02', 'from'],
        ['from=2026-01-01&to=2026-01-02&tz=Mars', 'tz'],
        ['from=2026-01-01&to=2026-01-02&step=week', 'step'],
        ['from=2026-01-01&to=2026-01-02&device=a%20b', 'device'],
        ['from=2026-01-01&to=2026-01-02&devise=a', 'devise'],
        ['from=2026-01-01&to=2026-01-02&tz=UTC&tz=UTC', 'tz'],
        ['from=1990-01-01&to=2026-01-01&step=hour', 'hours'],
      ]) {
        const response = await centre.analyst(`/v1/villages/kano/energy?${query}`);
        expect(response.status, query).to.equal(400);
        expect(((await response.json()) as { error: { message: string } }).error.message).to.include(name);
      }
      const nowhere = await centre.analyst('/v1/villages/nowhere/energy?from=2026-01-01&to=2026-01-02');
      expect(nowhere.status).to.equal(404);
    });

    for (const { file, column, stepMinutes } of [
      { file: 'serf_east_1min_ac_power.csv', column: 1, stepMinutes: 1 },
      { file: 'nrel_RSF_II.csv', column: 1, stepMinutes: 15 },
    ]) {
      it(`agrees with a plain computation over the measured ${file}`, async function () {
        if (!existsSync(path.join(DATA, file))) return this.skip();
        const points = await registerFrom(path.join(DATA, file), column, stepMinutes);
        const device = file.replace('.csv', '');
        await push(points.map(({ ms, kwh }) => meter(device, ms, { energyKwh: kwh })));
        const [from, to] = [points[0]?.ms ?? 0, (points.at(-1)?.ms ?? 0) + HOUR_MS];
        const range = `device=${device}&from=${formatInstant(from)}&to=${formatInstant(to)}`;
        for (const step of ['hour', 'day'] as const) {
          const found = await only(`${range}&step=${step}&tz=Etc/GMT%2B7`);
          const expected = byMinute(points, step === 'hour' ? HOUR_MS : 24 * HOUR_MS);
          const told = found.buckets.filter(({ kwh }) => kwh !== null);
          expect(told.length).to.equal(expected.size);
          for (const { start, kwh } of told) {
            const key = Math.floor((Date.parse(start) - 7 * HOUR_MS) / (step === 'hour' ? HOUR_MS : 24 * HOUR_MS));
            expect(kwh).to.be.closeTo(expected.get(key) ?? Number.NaN, 1e-6);
          }
          expect(found.kwh).to.be.closeTo((points.at(-1)?.kwh ?? 0) - (points[0]?.kwh ?? 0), 1e-6);
        }
      });
    }
  });
}

interface Point {
  ms: number;
  kwh: number;
}

/** A register that counts the measured power; all was measured at UTC-7. */
async function registerFrom(file: string, column: number, stepMinutes: number): Promise<Point[]> {
  const [, ...rows] = (await readFile(file, 'utf8')).trim().split(/\r?\n/);
  let kwh = 1000;
  return rows.flatMap((row) => {
    const cells = row.split(',');
    const ms = Date.parse(`${(cells[0] ?? '').replace(/-07:00$/, '')} -07:00`);
    if (cells[column] === '') return [];
    kwh += (Math.max(0, Number(cells[column])) * stepMinutes) / 60;
    return [{ ms, kwh }];
  });
}

/** Every difference spread over its minutes, every minute put where it belongs: slow, and plain. */
function byMinute(points: readonly Point[], bucketMs: number): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [n, { ms, kwh }] of points.entries()) {
    const before = points[n - 1];
    if (!before) continue;
    const minutes = (ms - before.ms) / MINUTE_MS;
    for (let minute = 0; minute < minutes; minute++) {
      const key = Math.floor((before.ms + minute * MINUTE_MS - 7 * HOUR_MS) / bucketMs);
      sums.set(key, (sums.get(key) ?? 0) + (kwh - before.kwh) / minutes);
    }
  }
  return sums;
}
