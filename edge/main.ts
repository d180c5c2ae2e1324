#!/usr/bin/env node
/** The program `solar-edge`; one file per verb in `cli/`. */
import { createProgram, runProgram } from '../shared/cli.js';
import { version } from '../shared/version.js';
import { checkCommand } from './cli/check.js';
import { cleanupCommand } from './cli/cleanup.js';
import { openEdge, withEdgeOptions } from './cli/edge-access.js';
import { importCsvCommand } from './cli/import-csv.js';
import { quarantineCommand } from './cli/quarantine.js';
import { repairCommand } from './cli/repair.js';
import { replicateCommand } from './cli/replicate.js';
import { startCommand } from './cli/start.js';
import { statusCommand } from './cli/status.js';

const program = createProgram(
  'solar-edge',
  'Stores the telemetry of a village durably and delivers it to the centre.',
  version,
)
  .addCommand(startCommand())
  .addCommand(replicateCommand())
  .addCommand(statusCommand())
  .addCommand(withEdgeOptions(importCsvCommand(openEdge)))
  .addCommand(quarantineCommand())
  .addCommand(cleanupCommand())
  .addCommand(checkCommand())
  .addCommand(repairCommand());

process.exitCode = await runProgram(program, process.argv);
