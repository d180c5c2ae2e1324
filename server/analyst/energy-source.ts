/**
 * Reads what meters have told of their energy, device by device, with the nearest readings before and behind the time asked
 * for, so that energy is known up to its borders. Of each reading only the figures are kept.
 */
import { AppError } from '../../shared/app-error.js';
import { parseTelemetryId, type TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { formatInstant } from '../../shared/time.js';
import type { MeterReadings, Source } from './energy-intervals.js';

export interface DeviceReadings extends MeterReadings {
  /** The register where the device has one, by the readings of the time asked for as far as these tell. */
  source: Source;
  /** Readings whose time cannot be trusted, left out. The register carries their energy to the next one. */
  unsureMs: number[];
  /** Times of the readings with energy just before, for telling how often there are readings. */
  earlierMs: number[];
}

const PAGE = 1000;
/** Readings of a device in one answer, which are all held in memory: of every minute for a year. */
const MAX_READINGS = 600_000;
/** Readings before the time asked for: enough to tell how often they come. */
const EARLIER_PAGE = 50;
/** So far readings without energy are passed over in search of the nearest one with it. */
const MAX_LOOKED_AT = 1000;
/** Readings taken along on each side. */
const SIDE = 3;
const AFTER = '\uffff';

/** The village's devices that have readings, by name. */
export async function* devicesOf(reader: RangeReader, village: string): AsyncGenerator<string, void, undefined> {
  const root = `${village}:r:`;
  if (reader.seriesBelow) {
    for (const { prefix } of await reader.seriesBelow(root)) yield prefix.slice(root.length, -1);
    return;
  }
  for (let startId = root; ; ) {
    const id = await reader.firstId(startId, root + AFTER);
    if (id === undefined) return;
    const prefix = parseTelemetryId(id)?.prefix;
    if (prefix === undefined) {
      startId = `${id}\u0000`;
      continue;
    }
    yield prefix.slice(root.length, -1);
    // ';' follows ':' in byte order: the first id behind this device's.
    startId = `${prefix.slice(0, -1)};`;
  }
}

/** From the first reading of a village, or of one device, to just behind the last; undefined where there is none. */
export async function timesOf(
  reader: RangeReader,
  village: string,
  device: string | undefined,
): Promise<{ fromMs: number; toMs: number } | undefined> {
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const one of device === undefined ? devicesOf(reader, village) : [device]) {
    const [low, high] = [`${village}:r:${one}:`, `${village}:r:${one}:${AFTER}`];
    fromMs = Math.min(fromMs, await outermost(reader, { startId: low, endId: high, descending: false }, fromMs));
    toMs = Math.max(toMs, 1 + (await outermost(reader, { startId: high, endId: low, descending: true }, toMs)));
  }
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** The time of the first reading whose time can be trusted; `none` where there is none within a thousand. */
async function outermost(reader: RangeReader, direction: Direction, none: number): Promise<number> {
  for (const limit of [1, PAGE]) {
    const found = await reader.readRange({ ...direction, limit });
    const sure = found.find(({ clock }) => clock === undefined);
    if (sure) return Date.parse(sure.at);
  }
  return none;
}

/**
 * Readings of `fromMs` up to but without `toMs`, and up to three with energy on each side. Throws `invalid_request` for
 * more than `maxReadings` within.
 */
export async function readDevice(
  reader: RangeReader,
  prefix: string,
  fromMs: number,
  toMs: number,
  maxReadings = MAX_READINGS,
): Promise<DeviceReadings> {
  const readings: MeterReadings = { atMs: [], registerKwh: [], periodKwh: [] };
  const [unsureMs, earlierMs]: [number[], number[]] = [[], []];
  const [fromId, toId] = [prefix + formatInstant(fromMs), prefix + formatInstant(toMs)];
  const before = await nearest(reader, { startId: fromId, endId: prefix, descending: true }, earlierMs);
  for (let startId = fromId; ; ) {
    const found = await reader.readRange({ startId, endId: toId, descending: false, limit: PAGE });
    for (const document of found) {
      if (document._id >= toId) continue;
      if (document.clock === undefined) addReading(readings, document);
      else unsureMs.push(Date.parse(document.at));
    }
    if (readings.atMs.length + unsureMs.length > maxReadings) throw tooMany(prefix, maxReadings);
    const last = found.at(-1);
    if (!last || found.length < PAGE) break;
    startId = `${last._id}\u0000`;
  }
  const behind = await nearest(reader, { startId: toId, endId: prefix + AFTER, descending: false }, []);
  const within = sourceOf(readings);
  const all: MeterReadings = { atMs: [], registerKwh: [], periodKwh: [] };
  for (const document of before.reverse()) addReading(all, document);
  for (const [n, ms] of readings.atMs.entries()) {
    all.atMs.push(ms);
    all.registerKwh.push(readings.registerKwh[n] ?? Number.NaN);
    all.periodKwh.push(readings.periodKwh[n] ?? Number.NaN);
  }
  for (const document of behind) addReading(all, document);
  return { ...all, source: within ?? sourceOf(all) ?? 'periodKwh', unsureMs, earlierMs };
}

function tooMany(prefix: string, maxReadings: number): AppError {
  const [, , device] = prefix.split(':');
  return new AppError(
    'invalid_request',
    `the device ${device} has more than ${maxReadings.toLocaleString('en-US')} readings between from and to; ` +
      'ask for a shorter range',
  );
}

function sourceOf({ registerKwh, periodKwh }: MeterReadings): Source | undefined {
  if (registerKwh.some(Number.isFinite)) return 'energyKwh';
  return periodKwh.some(Number.isFinite) ? 'periodKwh' : undefined;
}

function addReading({ atMs, registerKwh, periodKwh }: MeterReadings, document: TelemetryDocument): void {
  atMs.push(Date.parse(document.at));
  registerKwh.push(numberIn(document.energyKwh));
  periodKwh.push(numberIn(document.periodKwh));
}

function numberIn(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

interface Direction {
  startId: string;
  endId: string;
  descending: boolean;
}

/**
 * The nearest readings with a register, or with the energy of their periods where none of a thousand has a register: more
 * than one, since the nearest may be one given twice. Going back it begins before `startId`, whose reading is within the
 * time asked for; going on it begins with it.
 */
async function nearest(
  reader: RangeReader,
  { startId: firstId, endId, descending }: Direction,
  times: number[],
): Promise<TelemetryDocument[]> {
  let withPeriod: TelemetryDocument[] = [];
  let limit = EARLIER_PAGE;
  let lastId = descending ? firstId : undefined;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += limit, limit = PAGE) {
    const found = await reader.readRange({ startId: lastId ?? firstId, endId, descending, limit: limit + 1 });
    const fresh = found.filter(({ _id }) => _id !== lastId);
    const sure = fresh.filter(({ clock }) => clock === undefined);
    const withRegister = sure.filter(({ energyKwh }) => typeof energyKwh === 'number');
    const withEither =
      withRegister.length > 0 ? withRegister : sure.filter(({ periodKwh }) => typeof periodKwh === 'number');
    times.push(...withEither.map(({ at }) => Date.parse(at)));
    if (withRegister.length > 0) return withRegister.slice(0, SIDE);
    if (withPeriod.length === 0) withPeriod = withEither.slice(0, SIDE);
    if (found.length <= limit) break;
    lastId = found.at(-1)?._id;
  }
  return withPeriod;
}
