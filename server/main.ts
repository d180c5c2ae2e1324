#!/usr/bin/env node
/** The program `solar-central`, whose modules the build puts into one file (ADR 29). */
const program: string = './program/main.js';
await import(program);
