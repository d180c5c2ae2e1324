/** The tests of `npm test`: every *.test.ts. */
const { filesEnding } = require('./test/mocha-files.cjs');

const LONGEST = [
  ...['browser/edge-dashboard', 'browser/fleet-village', 'edge/cli/replicate', 'server/process', 'deploy/systemd'],
  ...['edge/cli/check-and-repair', 'server/access-matrix', 'browser/fleet-dashboard', 'conformance/push'],
];

module.exports = {
  spec: filesEnding('.test.js', LONGEST),
  timeout: 30_000,
  'node-option': ['disable-warning=ExperimentalWarning'],
  parallel: true,
  // One more than the cores of the machines it runs on: a third of the time is waiting.
  jobs: 3,
  'forbid-only': true,
};
