/** `/v1/villages/:id/energy`: kWh by hour or day, device by device, with whatever was done to get them named. */
import { Router } from 'express';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonList, sendLong } from '../../shared/http/long-answer.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { formatInstant } from '../../shared/time.js';
import type { Roles } from '../roles.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { localInstant } from './calendar-buckets.js';
import { type EnergyBucket, intoBuckets, SpanCount } from './energy-buckets.js';
import { type MeterEnergy, meterEnergy, type RegisterFall } from './energy-intervals.js';
import { type EnergyQuery, type EnergyQuestion, parseEnergyQuery, withBuckets } from './energy-query.js';
import { type DeviceReadings, devicesOf, readDevice, timesOf } from './energy-source.js';

export function energyRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/:id/energy')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const question = parseEnergyQuery(request.query);
      const village = await findVillage(context, request.params.id);
      const query = await bounded(question, village.id, context);
      const { fromMs, toMs, step, zone: tz } = query;
      const head = { village: village.id, from: formatInstant(fromMs), to: formatInstant(toMs), step, tz };
      const lines = jsonList('devices', energyByDevice(context.store().telemetry, village.id, query), head);
      await sendLong(response, { contentType: 'application/json; charset=utf-8', lines }, context.log);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

async function bounded(question: EnergyQuestion, village: string, context: AnalystContext): Promise<EnergyQuery> {
  const { device, fromMs, toMs } = question;
  const nowMs = context.clock.now();
  const asked = fromMs !== undefined && toMs !== undefined ? { fromMs, toMs } : undefined;
  const known = asked ?? (await timesOf(context.store().telemetry, village, device));
  return withBuckets(question, known ?? { fromMs: nowMs, toMs: nowMs });
}

async function* energyByDevice(reader: RangeReader, village: string, query: EnergyQuery): AsyncGenerator<object> {
  const { fromMs, toMs } = query;
  const devices = query.device === undefined ? devicesOf(reader, village) : [query.device];
  for await (const device of devices) {
    const readings = await readDevice(reader, `${village}:r:${device}:`, fromMs, toMs);
    const energy = meterEnergy(readings, readings.source, readings.earlierMs);
    if (energy) yield viewOfDevice(device, energy, readings, query);
  }
}

function viewOfDevice(device: string, energy: MeterEnergy, readings: DeviceReadings, query: EnergyQuery): object {
  const { source, used, gaps, duplicateMs } = energy;
  const { fromMs, toMs, zone } = query;
  const buckets = intoBuckets(energy.intervals, query.buckets);
  const touches = (span: { fromMs: number; toMs: number }) => span.toMs > fromMs && span.fromMs < toMs;
  const falls = energy.falls.filter(touches);
  const [resets, rollovers, steps] = (['reset', 'rollover', 'step'] as const).map((kind) =>
    falls.filter((fall) => fall.kind === kind),
  );
  const duplicates = duplicateMs.filter((ms) => fromMs <= ms && ms < toMs);
  const named: Named = {
    resets: new SpanCount(resets ?? []),
    rollovers: new SpanCount(rollovers ?? []),
    steps: new SpanCount(steps ?? []),
    duplicates: new SpanCount(momentsOf(duplicates)),
    unsureClock: new SpanCount(momentsOf(readings.unsureMs)),
  };
  return {
    device,
    source,
    kwh: sumOf(buckets),
    ...(source === 'energyKwh' ? registersAround(used, fromMs, toMs) : {}),
    buckets: buckets.map((bucket) => viewOfBucket(bucket, zone, named)),
    resets: resets?.map(viewOfFall),
    rollovers: rollovers?.map(viewOfFall),
    steps: steps?.map(viewOfFall),
    gaps: gaps.filter(touches).map((gap) => ({ ...spanOf(gap), kwh: gap.kwh === undefined ? null : rounded(gap.kwh) })),
    duplicates: duplicates.length,
    unsureClock: readings.unsureMs.length,
  };
}

function momentsOf(times: readonly number[]): { fromMs: number; toMs: number }[] {
  return times.map((ms) => ({ fromMs: ms, toMs: ms + 1 }));
}

/** `null` where nothing is known. */
function sumOf(buckets: readonly EnergyBucket[]): number | null {
  if (buckets.every(({ coveredMs }) => coveredMs === 0)) return null;
  return rounded(buckets.reduce((sum, { kwh }) => sum + kwh, 0));
}

const MS_PER_HOUR = 3_600_000;

/** What happened when, by its name in the answer. */
type Named = Record<'resets' | 'rollovers' | 'steps' | 'duplicates' | 'unsureClock', SpanCount>;

function viewOfBucket(bucket: EnergyBucket, zone: string, names: Named): object {
  const { startMs, endMs, kwh, coveredMs, interpolatedKwh, gapKwh } = bucket;
  const counts = Object.entries(names).map(([name, spans]) => [name, spans.touching(startMs, endMs)] as const);
  const named = {
    interpolatedKwh: rounded(interpolatedKwh),
    gapKwh: rounded(gapKwh),
    ...Object.fromEntries(counts),
  };
  return {
    start: localInstant(startMs, zone),
    hours: (endMs - startMs) / MS_PER_HOUR,
    kwh: coveredMs === 0 ? null : rounded(kwh),
    ...(coveredMs < endMs - startMs ? { coveredHours: rounded(coveredMs / MS_PER_HOUR) } : {}),
    // What there was nothing of is left out: almost every bucket is plain.
    ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== 0)),
  };
}

function viewOfFall({ fromKwh, toKwh, kwh, capacityKwh, ...span }: RegisterFall): object {
  const values = { fromKwh, toKwh, kwh: rounded(kwh) };
  return { ...spanOf(span), ...values, ...(capacityKwh === undefined ? {} : { capacityKwh }) };
}

function spanOf({ fromMs, toMs }: { fromMs: number; toMs: number }): { from: string; to: string } {
  return { from: formatInstant(fromMs), to: formatInstant(toMs) };
}

/** The readings next to both ends of the time asked for, or nearest to them within it. */
function registersAround(used: MeterEnergy['used'], fromMs: number, toMs: number): object {
  const first = used.findLast(({ atMs }) => atMs <= fromMs) ?? used[0];
  const last = used.find(({ atMs }) => atMs >= toMs) ?? used.at(-1);
  return { first: registerOf(first), last: registerOf(last) };
}

function registerOf(reading: MeterEnergy['used'][number] | undefined): object | undefined {
  return reading && { at: formatInstant(reading.atMs), energyKwh: reading.kwh };
}

/** To a billionth: binary fractions such as 0.30000000000000004 are no knowledge. */
function rounded(kwh: number): number {
  return Math.round(kwh * 1e9) / 1e9;
}
