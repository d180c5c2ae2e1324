/** What weeks have done to the programs: memory, open handles and the disk must be as they were, processor time is told. */
import { median } from '../../bench/support/statistics.js';
import {
  type Flatness,
  flatnessOf,
  flatnessOfLongestLife,
  HANDLES_LIMIT,
  LIFE_HANDLES_LIMIT,
  LIFE_MEMORY_LIMIT,
  MEMORY_LIMIT,
} from './flatness.js';
import type { ProcessSamples } from './process-samples.js';
import type { Watch } from './watch.js';

/** MiB or open handles of a program. */
export interface ProgramWear {
  memory: Flatness;
  handles: Flatness;
  /** Of its longest life alone. */
  lifeMemory: Flatness;
  lifeHandles: Flatness;
}

export interface WearFigures {
  edge: ProgramWear;
  centre: ProgramWear;
  /** The node's disk in MB: median of the last third, against the middle one. */
  edgeDiskMb: Flatness;
  /** Cores in use on average, by program. */
  cores: { edge: number; centre: number; soak: number };
}

/** By then what is kept is what is kept for ever after. */
const STEADY_AFTER_DAYS = 3;
/** Days differ by what is imported and how long the link was away. */
const DISK_LIMIT = { factor: 1.5, plus: 4 };

export function wearOf(
  { looks, edge, centre }: Pick<Watch, 'looks' | 'edge' | 'centre'>,
  length: { hours: number; retentionDays: number; realS: number },
): { figures: WearFigures; problems: string[] } {
  const own = process.cpuUsage();
  const figures: WearFigures = {
    edge: programWear(edge, length.hours),
    centre: programWear(centre, length.hours),
    edgeDiskMb: diskOf(looks, length),
    cores: {
      edge: edge.cpuS / length.realS,
      centre: centre.cpuS / length.realS,
      soak: (own.user + own.system) / 1e6 / length.realS,
    },
  };
  const named: [string, Flatness][] = [
    ...namesOf('the node', figures.edge),
    ...namesOf('the centre', figures.centre),
    ['the disk of the node in MB', figures.edgeDiskMb],
  ];
  const problems = named.flatMap(([what, one]) =>
    one.judged && !one.isFlat
      ? [`${what} has grown from ${one.first.toFixed(1)} to ${one.last.toFixed(1)} (at most ${one.most.toFixed(1)})`]
      : [],
  );
  return { figures, problems };
}

function programWear({ memory, handles }: ProcessSamples, hours: number): ProgramWear {
  return {
    memory: flatnessOf(memory, hours, MEMORY_LIMIT),
    handles: flatnessOf(handles, hours, HANDLES_LIMIT),
    lifeMemory: flatnessOfLongestLife(memory, LIFE_MEMORY_LIMIT),
    lifeHandles: flatnessOfLongestLife(handles, LIFE_HANDLES_LIMIT),
  };
}

function namesOf(program: string, wear: ProgramWear): [string, Flatness][] {
  return [
    [`the memory of ${program} in MiB`, wear.memory],
    [`the open handles of ${program}`, wear.handles],
    [`the memory of the longest life of ${program} in MiB`, wear.lifeMemory],
    [`the open handles of the longest life of ${program}`, wear.lifeHandles],
  ];
}

function diskOf(looks: Watch['looks'], { hours, retentionDays }: { hours: number; retentionDays: number }): Flatness {
  if (hours / 24 / 3 < retentionDays + STEADY_AFTER_DAYS - 1) return { judged: false, why: 'too short to tell' };
  const third = (n: number) =>
    looks
      .filter(({ hour }) => hour >= (n * hours) / 3 && hour < ((n + 1) * hours) / 3)
      .map(({ edgeDiskMb }) => edgeDiskMb);
  const [first, last] = [median(third(1)), median(third(2))];
  const most = DISK_LIMIT.factor * first + DISK_LIMIT.plus;
  return { judged: true, first, last, most, isFlat: last <= most };
}
