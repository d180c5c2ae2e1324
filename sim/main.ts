/**
 * `npm start`: a centre, two villages and their meters on this machine, to watch or, with `--once`, to prove itself.
 */
import { randomInt } from 'node:crypto';
import type { z } from 'zod';
import { AppError } from '../shared/app-error.js';
import { createProgram, EXIT, print, runProgram } from '../shared/cli.js';
import { decimal, integer } from '../shared/setting-schemas.js';
import { version } from '../shared/version.js';
import { interruption } from './interruption.js';
import { playLive } from './play-live.js';
import { playOnce } from './play-once.js';

const MAX_SEED = 2 ** 31 - 1;

interface Flags {
  once?: boolean;
  meters: string;
  speed: string;
  seed?: string;
}

const program = createProgram('solar-sync simulation', 'A centre, two villages and an outage on this machine.', version)
  .option('--once', 'play one outage and recovery, audit it and end: exit code 0 only when nothing was lost')
  .option('--meters <n>', 'customer meters in each village', '40')
  .option('--speed <x>', 'simulated seconds per second', '900')
  .option('--seed <n>', 'play the same meters again; random unless given')
  .allowExcessArguments(false)
  .action(async (flags: Flags) => {
    const choice = {
      meters: parse('--meters', integer(1, 2_000), flags.meters),
      speed: parse('--speed', decimal(1, 36_000), flags.speed),
      seed: flags.seed === undefined ? randomInt(MAX_SEED) : parse('--seed', integer(0, MAX_SEED), flags.seed),
      say: print,
      signal: interruption(),
    };
    if (flags.once) process.exitCode = (await playOnce(choice)) ? EXIT.ok : EXIT.unfinished;
    else await playLive(choice);
  });

function parse<T>(flag: string, schema: z.ZodType<T, string>, text: string): T {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', `${flag} ${parsed.error.issues[0]?.message} (given: ${JSON.stringify(text)})`);
}

process.exitCode = await runProgram(program, process.argv);
