/** Test files run side by side; those that take minutes come first, so that none of them is waited for at the end. */
const { readdirSync } = require('node:fs');
const path = require('node:path');

const TESTS = 'dist/test';
const LONGEST = [
  ...['soak/soak', 'faults/random-schedules', 'server/fuzz/gateway-fuzz', 'edge/ledger/kill', 'faults/push-faults'],
  ...['faults/faults-in-flight', 'faults/damage', 'faults/power-cut', 'faults/registry-kill', 'faults/kill'],
  ...['shared/registry/interleavings', 'faults/lost-memory', 'server/process', 'edge/registry/registry-faults'],
].map((name) => path.join(TESTS, `${name}.test.js`));

function allTests() {
  const names = readdirSync(TESTS, { recursive: true }).filter((name) => name.endsWith('.test.js'));
  return names.map((name) => path.join(TESTS, name)).sort();
}

const rank = (file) => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length);

module.exports = {
  spec: allTests().sort((a, b) => rank(a) - rank(b)),
  timeout: 30_000,
  'node-option': ['disable-warning=ExperimentalWarning'],
  parallel: true,
  jobs: 2,
  'forbid-only': true,
};
