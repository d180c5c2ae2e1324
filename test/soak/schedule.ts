/**
 * What happens on the days of a soak, drawn from a seed: pure, so that a seed gives the same days again.
 *
 * Each day ends at 03:30 with a quiet night from 01:45 on, in which nothing is broken and the forced run of 2 AM is due.
 * Four days of six are without kills, so that a process lives long enough to show a leak.
 */
import { SeededRandom, seedFor } from '../../sim/random.js';
import { DAY_MS, HOUR_MS } from './soak-clock.js';

/** Hours after midnight UTC: when a day ends, and when its quiet part begins. */
export const DAY_ENDS_AT_HOUR = 3.5;
const QUIET_HOURS = 1.75;
/** What is left over at the beginning and shorter than this belongs to the first day. */
const SHORTEST_DAY_MS = 3.5 * HOUR_MS;
const FULL_DISK_EVERY_DAYS = 3;
const CALM_DAYS = { of: 6, from: 2 };

/** A day takes no less and no more of real time. */
const DAY_S = { min: 90, max: 150 };
/** Three weeks, where the length allows it. */
const USUAL_DAYS = 21;
/** Long enough for segments to be kept for a while, and be seen to go. */
const LONG_DAYS = 6;

export interface Pace {
  days: number;
  /** How many times as fast as ours the time runs. */
  speed: number;
  /** RETENTION_DAYS of the node. */
  retentionDays: number;
}

/** What a soak of so many minutes of real time lives through. */
export function paceOf(minutes: number): Pace {
  const dayS = Math.min(DAY_S.max, Math.max(DAY_S.min, (minutes * 60) / USUAL_DAYS));
  const days = (minutes * 60) / dayS;
  return { days, speed: 86_400 / dayS, retentionDays: days >= LONG_DAYS ? 2 : 0 };
}

export type Happening =
  | { kind: 'link broken'; how: 'cut' | 'freeze' }
  | { kind: 'link mended' }
  | { kind: 'edge killed' | 'centre killed'; downMs: number }
  | { kind: 'clock stepped'; byMs: number }
  | { kind: 'clock set right' }
  | { kind: 'disk filled'; how: 'disk' | 'buffer' }
  | { kind: 'disk freed' }
  | { kind: 'import'; documents: number; again: boolean }
  | { kind: 'registry edited'; where: 'edge' | 'centre'; device: number };

/** `atMs`: true time, milliseconds since 1970; `downMs` of a kill is real time, as is a process's start. */
export type Moment = Happening & { atMs: number };

export interface DayPlan {
  /** From 0. */
  day: number;
  startMs: number;
  quietMs: number;
  endMs: number;
  /** In the order of their times, all before `quietMs`. */
  moments: readonly Moment[];
}

/** The days between two true times, the last of which ends at `endMs`; the first may be short, or a little longer. */
export function drawDays(seed: number, beginMs: number, endMs: number): DayPlan[] {
  const count = Math.max(1, Math.ceil((endMs - beginMs - SHORTEST_DAY_MS) / DAY_MS));
  return Array.from({ length: count }, (_, day) => {
    const dayEndMs = endMs - (count - 1 - day) * DAY_MS;
    return drawDay(seed, day, day === 0 ? beginMs : dayEndMs - DAY_MS, dayEndMs);
  });
}

function drawDay(seed: number, day: number, startMs: number, endMs: number): DayPlan {
  const random = new SeededRandom(seedFor(seed, `day ${day}`));
  const quietMs = endMs - QUIET_HOURS * HOUR_MS;
  const at = (share: number): number => Math.round(startMs + share * (quietMs - startMs));
  const isCalm = day % CALM_DAYS.of >= CALM_DAYS.from;
  const moments = [
    ...outage(random, at),
    ...(isCalm ? [] : kills(random, at)),
    ...clockStep(random, at),
    ...(day % FULL_DISK_EVERY_DAYS === 0 ? fullDisk(random, at) : []),
    ...imports(random, at, day),
    ...registryEdits(random, at),
  ];
  return { day, startMs, quietMs, endMs, moments: moments.sort((a, b) => a.atMs - b.atMs) };
}

type At = (share: number) => number;

/** An hour or two in a short day, up to half of a whole one. */
function outage(random: SeededRandom, at: At): Moment[] {
  const from = random.between(0.05, 0.45);
  const until = from + random.between(0.1, 0.5);
  const how = random.chance(0.6) ? 'cut' : 'freeze';
  return [
    { atMs: at(from), kind: 'link broken', how },
    { atMs: at(until), kind: 'link mended' },
  ];
}

function kills(random: SeededRandom, at: At): Moment[] {
  const moments: Moment[] = [];
  const kill = (kind: 'edge killed' | 'centre killed'): void => {
    moments.push({
      atMs: at(random.between(0.05, 0.98)),
      kind,
      downMs: random.chance(0.5) ? 0 : random.integer(0, 800),
    });
  };
  kill('edge killed');
  if (random.chance(0.5)) kill('edge killed');
  kill('centre killed');
  return moments;
}

/** Small ones, those of a wrong time zone, and a whole day; right again within the day, as NTP would have it. */
function clockStep(random: SeededRandom, at: At): Moment[] {
  const from = random.between(0.05, 0.6);
  const until = from + random.between(0.05, 0.3);
  const sizeMs =
    [random.integer(120_000, 1_800_000), random.integer(1, 6) * HOUR_MS, DAY_MS][random.integer(0, 2)] ?? 0;
  return [
    { atMs: at(from), kind: 'clock stepped', byMs: random.chance(0.5) ? sizeMs : -sizeMs },
    { atMs: at(until), kind: 'clock set right' },
  ];
}

function fullDisk(random: SeededRandom, at: At): Moment[] {
  const from = random.between(0.1, 0.75);
  return [
    { atMs: at(from), kind: 'disk filled', how: random.chance(0.7) ? 'disk' : 'buffer' },
    { atMs: at(from + random.between(0.08, 0.2)), kind: 'disk freed' },
  ];
}

/** A file of old readings now and then, and the same file once more: what is deleted here and held there is void then. */
function imports(random: SeededRandom, at: At, day: number): Moment[] {
  if (day > 0 && random.chance(0.4)) return [];
  const documents = random.integer(300, 2_000);
  return [{ atMs: at(random.between(0.02, 0.95)), kind: 'import', documents, again: day > 0 && random.chance(0.3) }];
}

function registryEdits(random: SeededRandom, at: At): Moment[] {
  return Array.from({ length: random.integer(2, 6) }, () => ({
    atMs: at(random.next()),
    kind: 'registry edited',
    where: random.chance(0.5) ? 'edge' : 'centre',
    device: random.integer(1, 5),
  }));
}
