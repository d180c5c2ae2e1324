/** The campaigns of `npm run campaigns`: every *.campaign.ts, faults and lives by the hundred where their sizes say so, whole fleets and full disks. */
const tests = require('./.mocharc.cjs');
const { filesEnding } = require('./test/mocha-files.cjs');

const LONGEST = [
  ...['soak/soak', 'faults/random-schedules', 'server/fuzz/gateway-fuzz', 'edge/ledger/kill', 'faults/push-faults'],
  ...['faults/faults-in-flight', 'faults/damage', 'faults/power-cut', 'faults/registry-kill', 'faults/kill'],
  ...['shared/registry/interleavings', 'deploy/images', 'bench/fleet', 'edge/ledger/failed-writes', 'faults/disk-full'],
  ...['faults/lost-memory', 'edge/registry/registry-faults'],
];

// They keep both cores busy, and the soak looks at memory and pauses.
module.exports = { ...tests, jobs: 2, spec: filesEnding('.campaign.js', LONGEST) };
