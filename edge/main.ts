#!/usr/bin/env node
/** The program `solar-edge`. Nothing is loaded before the heap has its limits: loading is what first fills it. */
import { keepHeapLean } from '../shared/lean-heap.js';

keepHeapLean();
const [{ runProgram }, { edgeProgram }] = await Promise.all([import('../shared/cli.js'), import('./cli/program.js')]);
process.exitCode = await runProgram(edgeProgram(), process.argv);
