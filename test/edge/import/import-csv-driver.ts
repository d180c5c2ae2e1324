/**
 * A program with the one verb, for tests that look at exit codes and output: `node import-csv-driver.js URL import-csv
 * …`.
 */
import { importCsvCommand } from '../../../edge/cli/import-csv.js';
import { createProgram, printError, runProgram } from '../../../shared/cli.js';
import { ProgramClient } from '../../../shared/http/client.js';

const [url = '', ...args] = process.argv.slice(2);
const program = createProgram('solar-edge', 'driver', '0');
const verb = importCsvCommand((_command, work) => {
  printError('the node was asked for');
  return work(new ProgramClient({ url, peer: 'the node' }));
});
verb.copyInheritedSettings(program);
program.addCommand(verb);
process.exitCode = await runProgram(program, ['node', 'driver', ...args]);
