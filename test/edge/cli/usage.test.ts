/** Mistakes on the command line: exit code 2 and one sentence, before anything is done. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { solarEdge } from './solar-edge.js';

describe('solar-edge, used wrongly,', () => {
  for (const [title, args, expected] of [
    ['without --once', ['replicate'], /^error: replicate needs --once/],
    [
      'with a deadline that is none',
      ['replicate', '--once', '--deadline', 'soon'],
      /^error: --deadline must be a number/,
    ],
    ['with a deadline of 0', ['replicate', '--once', '--deadline', '0'], /^error: --deadline must be a number/],
    ['with an unknown flag', ['replicate', '--once', '--twice'], /unknown option '--twice'/],
    ['with an unknown verb', ['replicat'], /unknown command 'replicat'/],
    ['with an address that is none', ['replicate', '--once', '--edge', 'nowhere'], /^error: --edge must be an origin/],
  ] as const) {
    it(`exits 2 ${title}`, async () => {
      const { code, stderr } = await solarEdge(args);
      expect(stderr).to.match(expected);
      expect(code).to.equal(2);
    });
  }
});
