/** The verbs of `solar-central`. */
import type { Command } from 'commander';
import { createProgram } from '../../shared/cli.js';
import { version } from '../../shared/version.js';
import { addConflicts } from './conflicts.js';
import { addStart } from './start.js';
import { addStatus } from './status.js';
import { addVillageAdd } from './village-add.js';
import { addVillageDisable } from './village-disable.js';
import { addVillageList } from './village-list.js';
import { addVillageRotate } from './village-rotate.js';

export function centralProgram(): Command {
  const program = createProgram(
    'solar-central',
    'The centre of solar-sync: takes what villages send and keeps it.',
    version,
  );
  addStart(program);
  const village = program.command('village').description('add, list, rotate and disable villages');
  addVillageAdd(village);
  addVillageList(village);
  addVillageRotate(village);
  addVillageDisable(village);
  addConflicts(program);
  addStatus(program);
  return program;
}
