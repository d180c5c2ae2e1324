/** The tests of `npm test`: every *.test.ts. */
const { filesEnding } = require('./test/mocha-files.cjs');

const LONGEST = [
  ...['browser/edge-dashboard', 'browser/fleet-village', 'edge/cli/replicate', 'server/process', 'deploy/systemd'],
  ...['edge/cli/check-and-repair', 'bench/fleet', 'server/access-matrix', 'browser/fleet-dashboard'],
  ...['edge/ledger/failed-writes', 'faults/disk-full', 'conformance/push'],
];

module.exports = {
  spec: filesEnding('.test.js', LONGEST),
  timeout: 30_000,
  'node-option': ['disable-warning=ExperimentalWarning'],
  parallel: true,
  jobs: 2,
  'forbid-only': true,
};
