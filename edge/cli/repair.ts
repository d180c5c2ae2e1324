/**
 * `solar-edge repair`: verifies everything and repairs what is damaged; what cannot be saved is counted by its number,
 * and the damaged files are set aside.
 *
 * Exit codes: 0 everything is sound now; 1 something could not be repaired, or not yet.
 */
import { Command } from 'commander';
import { runCheck } from './check-output.js';
import { withEdgeOptions } from './edge-access.js';

export function repairCommand(): Command {
  const command = new Command('repair')
    .description('verify everything that is stored and repair what is damaged')
    .option('--json', 'print one JSON line per segment and repair, and a last one that sums up');
  return withEdgeOptions(command).action(() => runCheck(command, '/v1/repair'));
}
