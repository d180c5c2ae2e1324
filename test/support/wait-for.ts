/** Waiting with a deadline instead of sleeping; see `sim/wait-for.ts`. */
export { type WaitOptions, waitFor } from '../../sim/wait-for.js';
