/** Which files a run of mocha takes: they run side by side, and those that take longest come first, so that none is waited for. */
const { readdirSync } = require('node:fs');
const path = require('node:path');

const TESTS = 'dist/test';

/** All files below dist/test that end with `suffix`, those of `longest` (paths without the suffix) before the others. */
module.exports.filesEnding = (suffix, longest) => {
  const first = longest.map((name) => path.join(TESTS, `${name}${suffix}`));
  const rank = (file) => (first.includes(file) ? first.indexOf(file) : first.length);
  const names = readdirSync(TESTS, { recursive: true }).filter((name) => name.endsWith(suffix));
  const files = names.map((name) => path.join(TESTS, name)).sort();
  return files.sort((a, b) => rank(a) - rank(b));
};
