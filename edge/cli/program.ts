/** The verbs of `solar-edge`, one file each. */
import type { Command } from 'commander';
import { createProgram } from '../../shared/cli.js';
import { version } from '../../shared/version.js';
import { checkCommand } from './check.js';
import { cleanupCommand } from './cleanup.js';
import { conflictsCommand } from './conflicts.js';
import { openEdge, withEdgeOptions } from './edge-access.js';
import { importCsvCommand } from './import-csv.js';
import { quarantineCommand } from './quarantine.js';
import { repairCommand } from './repair.js';
import { replicateCommand } from './replicate.js';
import { startCommand } from './start.js';
import { statsCommand } from './stats.js';
import { statusCommand } from './status.js';

export function edgeProgram(): Command {
  return createProgram(
    'solar-edge',
    'Stores the telemetry of a village durably and delivers it to the centre.',
    version,
  )
    .addCommand(startCommand())
    .addCommand(replicateCommand())
    .addCommand(statusCommand())
    .addCommand(statsCommand())
    .addCommand(withEdgeOptions(importCsvCommand(openEdge)))
    .addCommand(quarantineCommand())
    .addCommand(conflictsCommand())
    .addCommand(cleanupCommand())
    .addCommand(checkCommand())
    .addCommand(repairCommand());
}
