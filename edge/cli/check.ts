/**
 * `solar-edge check`: verifies everything that is stored and changes nothing.
 *
 * Exit codes: 0 all of it is sound; 1 something is damaged or missing, or the check could not be finished.
 */
import { Command } from 'commander';
import { runCheck } from './check-output.js';
import { withEdgeOptions } from './edge-access.js';

export function checkCommand(): Command {
  const command = new Command('check')
    .description('verify everything that is stored against its revisions and numbers')
    .option('--json', 'print one JSON line per segment, and a last one that sums up');
  return withEdgeOptions(command).action(() => runCheck(command, '/v1/check'));
}
