#!/usr/bin/env node
/** Entry of `solar-central`. */
import { createProgram, runProgram } from '../shared/cli.js';
import { version } from '../shared/version.js';
import { addStart } from './cli/start.js';
import { addStatus } from './cli/status.js';
import { addVillageAdd } from './cli/village-add.js';
import { addVillageDisable } from './cli/village-disable.js';
import { addVillageList } from './cli/village-list.js';
import { addVillageRotate } from './cli/village-rotate.js';

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
addStatus(program);
process.exitCode = await runProgram(program, process.argv);
