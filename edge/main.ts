#!/usr/bin/env node
/**
 * The program `solar-edge`, whose modules the build puts into one file (ADR 29). It is not loaded before the heap has its
 * limits: loading is what first fills it.
 */
import { keepHeapLean } from '../shared/lean-heap.js';

keepHeapLean();
const program: string = './program/main.js';
await import(program);
