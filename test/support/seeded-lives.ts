/** Runs what a campaign plays once for each seed, a few at a time, and tells every failure with its seed. */
import { messageOf } from '../../shared/app-error.js';

/** Throws one Error that names each seed that failed, and why. `run` must end by itself. */
export async function playSeeds(seeds: readonly number[], run: (seed: number) => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(seeds.map(run));
  const failures = ends.flatMap((end, index) =>
    end.status === 'rejected' ? [`FAULT_SEED=${seeds[index]}: ${messageOf(end.reason)}`] : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n\n'));
}
