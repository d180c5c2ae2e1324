/** Plays what is mostly waiting a few at a time, and tells every failure by its name. */
import { messageOf } from '../../shared/app-error.js';

export interface Play {
  /** What a failure is told by, such as a seed. */
  name: string;
  /** Must end by itself. */
  run(): Promise<void>;
}

/** Throws one Error that names each play that failed, and why. */
export async function playTogether(plays: readonly Play[]): Promise<void> {
  const ends = await Promise.allSettled(plays.map(({ run }) => run()));
  const failures = ends.flatMap((end, index) =>
    end.status === 'rejected' ? [`${plays[index]?.name}: ${messageOf(end.reason)}`] : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n\n'));
}

/** The plays in groups of at most `size`. */
export function groupsOf<T>(size: number, all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}
