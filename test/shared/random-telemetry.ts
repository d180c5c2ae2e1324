/** Random documents and queries for the property tests of lists, and the plain answer to check a list against. */
import fc from 'fast-check';
import { type PostedType, parseTelemetryId, type TelemetryDocument, telemetryId } from '../../shared/documents.js';
import type { TelemetryQuery } from '../../shared/telemetry-list.js';
import { formatInstant } from '../../shared/time.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');

/** A canonical instant `step` seconds after an arbitrary one. */
export const instant = (step: number) => formatInstant(EPOCH + step * 1000);

const timeStep = fc.integer({ min: 0, max: 6 });
/** Names that sort on both sides of one another's prefixes: the traps of prefix order. */
const name = fc.constantFrom('a', 'a-b', 'a.b', 'a0', 'A', 'ab', 'b', '_');
const village = fc.constantFrom('kano', 'kano-2');

/** A document of the village `kano` or of one whose name begins like it. */
export const documents = fc
  .record({ village, isReading: fc.boolean(), name, device: fc.option(name), at: timeStep, for: fc.option(timeStep) })
  .map((given): TelemetryDocument => {
    const type = given.isReading ? 'reading' : 'prediction';
    const fields = given.isReading
      ? { device: given.name, at: instant(given.at) }
      : {
          model: given.name,
          at: instant(given.at),
          ...(given.device === null ? {} : { device: given.device }),
          ...(given.for === null ? {} : { for: instant(given.for) }),
        };
    return telemetry(given.village, type, fields);
  });

export const types = fc.constantFrom('reading' as const, 'prediction' as const);

/** Absent more often than not: queries that name everything find next to nothing. */
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: value, weight: 1 });

export const queries = fc
  .record({
    device: seldom(name),
    model: seldom(name),
    from: seldom(timeStep),
    to: seldom(timeStep),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    limit: fc.integer({ min: 1, max: 9 }),
  })
  .map(
    (given): TelemetryQuery => ({
      ...given,
      from: given.from === undefined ? undefined : instant(given.from),
      to: given.to === undefined ? undefined : instant(given.to),
    }),
  );

/** A document as a node stores it. */
export function telemetry(
  village: string,
  type: PostedType,
  fields: { at: string; device?: string; model?: string; for?: string },
  seq = 1,
): TelemetryDocument {
  return { _id: telemetryId(village, type, fields), _rev: '1-a', type, village, node: 'abcd', seq, boot: 0, ...fields };
}

/** The ids a list of the village `kano` must give, by looking at every document. */
export function expectedIds(held: readonly TelemetryDocument[], type: PostedType, asked: TelemetryQuery): string[] {
  const unique = new Map(held.map((one) => [one._id, one]));
  const matching = [...unique.values()].filter((one) => {
    const time = parseTelemetryId(one._id)?.time ?? '';
    if (one.village !== 'kano' || one.type !== type) return false;
    if (asked.device !== undefined && one.device !== asked.device) return false;
    if (asked.model !== undefined && one.model !== asked.model) return false;
    return time >= (asked.from ?? '') && (asked.to === undefined || time < asked.to);
  });
  const keyed = matching.map(({ _id: id }) => ({ id, key: `${parseTelemetryId(id)?.time} ${id}` }));
  const ids = keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ id }) => id);
  return asked.order === 'asc' ? ids : ids.reverse();
}
