import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AppError, SHOWN_CODES } from '../../shared/app-error.js';
import { codeSpans, firstColumn, page, ROOT, section } from './markdown.js';
import { logMessages, membersOfType, source } from './sources.js';

const OPERATIONS = page('docs/operations.md');

describe('The operator’s documentation', () => {
  it('has a remedy for each alert of a node, and for no other', () => {
    const codes = membersOfType('edge/monitor/alerts/alert.ts', 'AlertCode').sort();
    expect(firstColumn(section(OPERATIONS, '## Alerts of a node')).sort()).to.deep.equal(codes);
    expect(firstColumn(section(page('docs/alerts.md'), '## In the village')).sort()).to.deep.equal(codes);
  });

  it('has a remedy for each alert of the centre’s own', () => {
    const own = [...source('server/alerts/village-alert.ts').matchAll(/code: '([\w-]+)'/g)].map(([, code]) => code);
    expect(own).to.have.length.above(0);
    expect(firstColumn(section(OPERATIONS, '## Alerts of the centre')).sort()).to.deep.equal(own.sort());
  });

  it('has a remedy for each tag of a failure', () => {
    const tags = membersOfType('edge/link/link-error.ts', 'LinkTag');
    const told = firstColumn(section(OPERATIONS, '## Failure tags'));
    expect(told.sort()).to.deep.equal([...tags, 'STORE_ERROR'].sort());
    expect(source('docs/metrics.md')).to.contain('STORE_ERROR');
  });

  it('names every state of the link and every reason to pause', () => {
    const named = codeSpans({ file: '', text: section(OPERATIONS, '## States and pause reasons') }).join(' ');
    const states = membersOfType('edge/monitor/connectivity.ts', 'LinkState');
    for (const name of [...states, ...membersOfType('edge/push/controller-state.ts', 'PauseReason')]) {
      expect(named).to.match(new RegExp(`\\b${name}\\b`));
    }
  });

  it('says what each exit code means', () => {
    const told = [...section(OPERATIONS, '## Exit codes').matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));
    const given = new Set([0, ...SHOWN_CODES.map((code) => new AppError(code, '').exitCode)]);
    expect(told).to.deep.equal([...given].sort());
  });

  it('explains every warning and error that the programs log', () => {
    const told = firstColumn(page('docs/log-messages.md').text);
    const isTold = (parts: string[]) => told.some((message) => contains(message, parts));
    const missing = logMessages().filter(({ parts }) => !isTold(parts));
    expect(missing.map(({ file, parts }) => `${file}: ${parts.join('…')}`)).to.deep.equal([]);
  });

  it('explains no warning that no program logs', () => {
    // What two texts make up, or what is written elsewhere than where it is logged, is looked for in parts.
    const logged = logMessages().map(({ parts }) => parts);
    const others = ['edge/push/push-controller.ts', 'server/store/couch-setup.ts'].map(source).join('\n');
    const unknown = firstColumn(page('docs/log-messages.md').text).filter((message) => {
      const longest = message.split(/\b[A-Z]{1,}\b/).sort((a, b) => b.length - a.length)[0] ?? message;
      return !logged.some((parts) => contains(message, parts)) && !others.includes(longest.slice(0, 60).trim());
    });
    expect(unknown).to.deep.equal([]);
  });

  it('says of each workflow what it does', () => {
    const files = readdirSync(path.join(ROOT, '.github/workflows')).sort();
    expect(firstColumn(section(page('docs/deployment.md'), '## By CI')).sort()).to.deep.equal(files);
  });
});

/** True when a documented message has the parts in their order; the last of several may be cut short by the page. */
function contains(message: string, parts: readonly string[]): boolean {
  let from = 0;
  for (const part of parts) {
    const text = part.length > 60 ? part.slice(0, 60) : part;
    const at = message.indexOf(text.replaceAll("\\'", "'").trim(), from);
    if (at < 0) return false;
    from = at;
  }
  return parts.length > 0;
}
