/** What `solar-central` runs; the build makes one file of it. */
import { runProgram } from '../../shared/cli.js';
import { centralProgram } from './program.js';

process.exitCode = await runProgram(centralProgram(), process.argv);
