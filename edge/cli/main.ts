/** What `solar-edge` runs; the build makes one file of it. */
import { runProgram } from '../../shared/cli.js';
import { edgeProgram } from './program.js';

process.exitCode = await runProgram(edgeProgram(), process.argv);
