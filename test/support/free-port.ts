/** A port for a program under test; see `sim/ports.ts`. */
export { freePort } from '../../sim/ports.js';
