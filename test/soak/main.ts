/** `npm run soak`: weeks of a village in an hour; exit code 0 only when nothing was lost and everything stayed flat. */
import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { readReport, writeSection } from '../../bench/docs-section.js';
import { describeMachine } from '../../bench/machine.js';
import { AppError } from '../../shared/app-error.js';
import { createProgram, EXIT, print, runProgram } from '../../shared/cli.js';
import { decimal, integer } from '../../shared/setting-schemas.js';
import { formatInstant } from '../../shared/time.js';
import { version } from '../../shared/version.js';
import { interruption } from '../../sim/interruption.js';
import { summaryLines } from './day-line.js';
import { playSoak } from './play-soak.js';
import { plotsOfSoak, type SoakReport, soakMarkdown } from './soak-docs.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAX_SEED = 2 ** 31 - 1;

interface Flags {
  minutes: string;
  seed?: string;
  json?: string;
  logs?: string;
  writeDocs?: boolean;
  from?: string;
}

const program = createProgram('solar-sync soak', 'An edge and a centre through accelerated weeks of trouble.', version)
  .option('--minutes <n>', 'how long, of real time; from 32 on it is three weeks or more', '60')
  .option('--seed <n>', 'the same days again; SEED, or random unless given')
  .option('--json <file>', 'write the result there, with what was seen each second')
  .option('--write-docs', 'put what it came to into docs/benchmarks.md, and plots beside it')
  .option('--from <file>', 'play nothing; tell what --json wrote there')
  .option('--logs <folder>', 'keep what both programs log there, more of it than usual')
  .allowExcessArguments(false)
  .action(async (flags: Flags) => {
    const report = flags.from === undefined ? await play(flags) : await readReport<SoakReport>(flags.from, 'looks');
    for (const line of summaryLines(report)) print(line);
    if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(report)}\n`);
    if (flags.writeDocs) await writeSection(ROOT, 'soak', soakMarkdown(report), plotsOfSoak(report));
    process.exitCode = report.problems.length === 0 ? EXIT.ok : EXIT.unfinished;
  });

async function play(flags: Flags): Promise<SoakReport> {
  const given = flags.seed ?? (process.env.SEED || undefined);
  const options = {
    minutes: parse('--minutes', decimal(0.25, 10_000), flags.minutes),
    seed: given === undefined ? randomInt(MAX_SEED) : parse('--seed', integer(0, MAX_SEED), given),
    logFolder: flags.logs,
    say: print,
    signal: interruption(),
  };
  if (flags.logs !== undefined) await mkdir(flags.logs, { recursive: true });
  const machine = await describeMachine(os.tmpdir(), options.signal);
  const date = formatInstant(Date.now()).slice(0, 10);
  const result = await playSoak(options).catch((error: unknown) => {
    if (options.signal.aborted) throw new AppError('unavailable', 'interrupted before the end of the soak');
    throw error;
  });
  return { date, version, machine, ...result };
}

function parse<T>(flag: string, schema: z.ZodType<T, string>, text: string): T {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', `${flag} ${parsed.error.issues[0]?.message} (given: ${JSON.stringify(text)})`);
}

process.exitCode = await runProgram(program, process.argv);
