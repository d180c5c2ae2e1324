/** The campaigns of `npm run campaigns`: every *.campaign.ts, faults and lives by the hundred where their sizes say so. */
const tests = require('./.mocharc.cjs');
const { filesEnding } = require('./test/mocha-files.cjs');

const LONGEST = [
  ...['soak/soak', 'faults/random-schedules', 'server/fuzz/gateway-fuzz', 'edge/ledger/kill', 'faults/push-faults'],
  ...['faults/faults-in-flight', 'faults/damage', 'faults/power-cut', 'faults/registry-kill', 'faults/kill'],
  ...['shared/registry/interleavings', 'faults/lost-memory', 'edge/registry/registry-faults'],
];

module.exports = { ...tests, spec: filesEnding('.campaign.js', LONGEST) };
