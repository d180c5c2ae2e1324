/**
 * What is to go wrong in one life of a node and its centre, drawn from a seed: the same seed gives the same schedule.
 * What comes of it also depends on how the machine runs it.
 */
import { SeededRandom } from '../../../sim/random.js';
import { FAULTS, isAbout, reachesCentre } from '../fault-table.js';
import { type PushStep, STEPS } from '../push-steps.js';

export type ScheduleEvent =
  | { kind: 'pause'; ms: number }
  /** So many readings are posted at once, in one request. */
  | { kind: 'burst'; documents: number }
  | { kind: 'cut' | 'freeze'; ms: number }
  /** So many bytes later the link breaks: once, or for a while. */
  | { kind: 'reset after'; up: number }
  | { kind: 'cut after'; up: number; ms: number }
  /** The next requests of a step meet a fault of the table. */
  | { kind: 'fault'; step: string; fault: string; times: number }
  /** When a step is next asked for, the link falls silent: no answer, no end, nothing new either, for a while. */
  | { kind: 'silence'; step: string; ms: number }
  /** As many bytes later, in the middle of whatever is on its way. */
  | { kind: 'black hole'; up: number; ms: number }
  /** The centre refuses one meter's readings for a while. */
  | { kind: 'refuse'; ms: number }
  | { kind: 'restart node' | 'restart centre'; downMs: number }
  /** The node's clock is set. */
  | { kind: 'clock'; byMs: number }
  /** Somebody wants a push now; nobody waits for its end. */
  | { kind: 'forced run' }
  | { kind: 'back up the centre' | 'restore the centre' | 'wipe the centre' };

export interface FaultSchedule {
  seed: number;
  /** Real processes, which are killed; else both live in the test's process and are stopped in order. */
  processes: boolean;
  /** The gateway does not say that it is one. */
  asPlainCouchDb: boolean;
  /** The centre never takes what this meter says. */
  refusedForever: string | undefined;
  segmentMaxDocs: number;
  live: boolean;
  /** Meters post all the time. */
  meters: boolean;
  roundTripMs: number;
  /** Bytes per second; without limit unless given. */
  upBytesPerS: number | undefined;
  events: ScheduleEvent[];
}

const HOUR_MS = 3_600_000;
const CLOCK_STEPS_MS = [HOUR_MS, -HOUR_MS, 25 * HOUR_MS, -25 * HOUR_MS, 40 * 24 * HOUR_MS, -60 * 365 * 24 * HOUR_MS];
/** One life in so many is lived by real processes, which take their time to start. */
const PROCESSES_ONE_IN = 6;

export function drawSchedule(seed: number): FaultSchedule {
  const random = new SeededRandom(seed);
  const processes = random.chance(1 / PROCESSES_ONE_IN);
  const asPlainCouchDb = random.chance(0.25);
  const slow = random.chance(0.3);
  const schedule = {
    ...{ seed, processes, asPlainCouchDb },
    refusedForever: random.chance(0.2) ? 'm4' : undefined,
    segmentMaxDocs: pick(random, [30, 100, 300, 200_000]),
    live: random.chance(0.8),
    meters: true,
    roundTripMs: pick(random, [0, 5, 40]),
    upBytesPerS: slow ? random.integer(20_000, 80_000) : undefined,
  };
  const count = processes ? random.integer(5, 8) : random.integer(8, 14);
  const draw = (): ScheduleEvent => drawEvent(random, schedule);
  const events = Array.from({ length: count }, () => [draw(), pauseOf(random)]).flat();
  return { ...schedule, events };
}

/** For the message of a failure. */
export function describeSchedule({ events, ...rest }: FaultSchedule): string {
  return [JSON.stringify(rest), ...events.map((event) => JSON.stringify(event))].join('\n  ');
}

/** Anything that may cost bytes or time on its own account. */
export function isDisturbance({ kind }: ScheduleEvent): boolean {
  return kind !== 'pause' && kind !== 'burst' && kind !== 'clock' && kind !== 'back up the centre';
}

/** The centre loses some of what it held. */
export function isAmnesia({ kind }: ScheduleEvent): boolean {
  return kind === 'restore the centre' || kind === 'wipe the centre';
}

function pauseOf(random: SeededRandom): ScheduleEvent {
  return { kind: 'pause', ms: random.integer(0, 80) };
}

type Setting = Pick<FaultSchedule, 'processes' | 'asPlainCouchDb' | 'refusedForever'>;

function drawEvent(random: SeededRandom, setting: Setting): ScheduleEvent {
  const { processes } = setting;
  const everywhere: [number, () => ScheduleEvent][] = [
    [4, () => ({ kind: 'burst', documents: random.integer(50, 400) })],
    [2, () => ({ kind: 'cut', ms: random.integer(10, 250) })],
    [2, () => ({ kind: 'freeze', ms: random.integer(10, 500) })],
    [2, () => ({ kind: 'reset after', up: random.integer(0, 8_000) })],
    [2, () => ({ kind: 'cut after', up: random.integer(0, 8_000), ms: random.integer(50, 250) })],
    [6, () => drawFault(random, setting)],
    [1, () => ({ kind: 'silence', step: drawStep(random, setting).title, ms: random.integer(50, 600) })],
    [1, () => ({ kind: 'black hole', up: random.integer(0, 6_000), ms: random.integer(50, 600) })],
    [1, () => ({ kind: 'refuse', ms: random.integer(20, 200) })],
    [processes ? 5 : 2, () => ({ kind: 'restart node', downMs: random.integer(0, 200) })],
    [processes ? 3 : 2, () => ({ kind: 'restart centre', downMs: random.integer(0, 200) })],
    [2, () => ({ kind: 'forced run' })],
  ];
  const inProcess: [number, () => ScheduleEvent][] = [
    [2, () => ({ kind: 'clock', byMs: pick(random, CLOCK_STEPS_MS) })],
    [1, () => ({ kind: 'back up the centre' })],
    [1, () => ({ kind: 'restore the centre' })],
    [0.5, () => ({ kind: 'wipe the centre' })],
  ];
  return weighted(random, processes ? everywhere : [...everywhere, ...inProcess])();
}

function drawStep(random: SeededRandom, { asPlainCouchDb }: Setting): PushStep {
  return pick(
    random,
    STEPS.filter((one) => (one.asPlainCouchDb ?? false) === asPlainCouchDb),
  );
}

function drawFault(random: SeededRandom, setting: Setting): ScheduleEvent {
  const step = drawStep(random, setting);
  const fault = pick(
    random,
    // With some the centre behind the proxy would take what it is to refuse.
    FAULTS.filter((one) => isAbout(one, step.title) && !(setting.refusedForever && reachesCentre(one.fault))),
  );
  return { kind: 'fault', step: step.title, fault: fault.title, times: random.integer(1, 3) };
}

function weighted<T>(random: SeededRandom, choices: readonly [number, T][]): T {
  let left = random.between(
    0,
    choices.reduce((sum, [weight]) => sum + weight, 0),
  );
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  throw new Error('there is nothing to choose from');
}

function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  return weighted(
    random,
    choices.map((choice) => [1, choice]),
  );
}
