/**
 * Where the time of profiled programs went: the `.cpuprofile` files below a folder, those of one subfolder together. With
 * `npm run bench -- --profile FOLDER` the subfolders are row and program, such as `drain/node`; by itself for any others:
 *
 *     node dist/bench/profile-summary.js FOLDER
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../shared/app-error.js';
import { createProgram, print, runProgram } from '../shared/cli.js';
import { version } from '../shared/version.js';
import { type ComponentShare, componentsOf, type FunctionShare, largestFunctions } from './profile/components.js';
import { readProfile } from './profile/sources.js';
import { functionsText, profileTable } from './report.js';

const FUNCTIONS = 6;

export interface ProfileSummary {
  /** The subfolder, `.` for the folder itself. */
  name: string;
  components: ComponentShare[];
  functions: FunctionShare[];
}

/** Throws an AppError where a file is no CPU profile. */
export async function summariseProfiles(folder: string): Promise<ProfileSummary[]> {
  const files = await readdir(folder, { recursive: true });
  const byFolder = new Map<string, string[]>();
  for (const file of files.filter((name) => name.endsWith('.cpuprofile')).sort()) {
    const name = path.dirname(file);
    byFolder.set(name, [...(byFolder.get(name) ?? []), file]);
  }
  const summaries: ProfileSummary[] = [];
  for (const [name, ofOne] of byFolder) {
    const profiles = [];
    for (const file of ofOne) profiles.push(await profileIn(path.join(folder, file)));
    const functions = largestFunctions(profiles, FUNCTIONS);
    summaries.push({ name, components: componentsOf(profiles), functions });
  }
  return summaries;
}

/** The tables, for a terminal. */
export function profilesText(summaries: readonly ProfileSummary[]): string {
  return summaries
    .map(({ name, components, functions }) =>
      [name, profileTable(components, 'text'), functionsText(functions)].join('\n\n'),
    )
    .join('\n\n');
}

async function profileIn(file: string) {
  try {
    return await readProfile(file);
  } catch (cause) {
    throw new AppError('usage', `${file} is no CPU profile`, { cause });
  }
}

/** Imported by the benchmark as well, which has a command line of its own. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const program = createProgram('solar-sync profile-summary', 'Where the time of profiled programs went.', version)
    .argument('<folder>', 'where the .cpuprofile files are')
    .action(async (folder: string) => print(profilesText(await summariseProfiles(folder))));
  process.exitCode = await runProgram(program, process.argv);
}
