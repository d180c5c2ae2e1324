/** Runs every example of `docs/analysts.md` as it stands, against a running centre with data. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { formatInstant } from '../../shared/time.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { Centre } from './support/centre.js';
import { prediction, reading, readings, type Sent } from './support/documents.js';
import { SKIPPED_COUCHDB, STORES } from './support/stores.js';

const DOCUMENT = fileURLToPath(new URL('../../../docs/analysts.md', import.meta.url));
const MIDNIGHT = Date.parse('2026-03-01T00:00:00.000Z');
const QUARTER_HOUR_MS = 900_000;

interface Example {
  language: 'sh' | 'python';
  code: string;
  /** What it prints; `…` stands for anything. */
  prints: string | undefined;
  note: string;
  line: number;
}

function examplesOf(markdown: string): Example[] {
  const fence = /(?:<!-- ([a-zA-Z ]+) -->\n\n)?```(sh|python)\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```\n)?/g;
  return [...markdown.matchAll(fence)].map(({ 1: note = '', 2: language, 3: code = '', 4: prints, index }) => ({
    language: language === 'python' ? 'python' : 'sh',
    code,
    prints,
    note,
    line: markdown.slice(0, index).split('\n').length,
  }));
}

function matches(printed: string, expected: string): boolean {
  const pattern = expected.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[\\s\\S]*');
  return new RegExp(`^${pattern.trim()}$`).test(printed.replaceAll('\r\n', '\n').trim());
}

/** A day of two meters, and what a model said of it. */
function dayOf(village: string): Sent[] {
  const meters = [100, 200].flatMap((baseW, meter) =>
    Array.from({ length: 96 }, (_, n) => {
      const at = formatInstant(MIDNIGHT + n * QUARTER_HOUR_MS);
      const device = `meter-${meter + 7}`;
      const _id = `${village}:r:${device}:${at}`;
      return reading(village, 96 * meter + n, { _id, device, at, powerW: baseW + n, energyKwh: n / 4 });
    }),
  );
  return [...meters, ...Array.from({ length: 24 }, (_, n) => prediction(village, 200 + n))];
}

describe('the examples of docs/analysts.md', () => {
  it('are found, and what they print is compared line by line', async () => {
    const examples = examplesOf(await readFile(DOCUMENT, 'utf8'));
    expect(examples.filter(({ note }) => note === 'setup')).to.have.length(1);
    expect(examples.filter(({ note }) => note === 'needs CouchDB').length).to.be.at.least(4);
    expect(examples.filter(({ language }) => language === 'python').length).to.be.at.least(3);
    expect(matches('{"a":1,"b":2}\n', '{"a":1,…\n')).to.equal(true);
    expect(matches('{"a":2,"b":2}\n', '{"a":1,…\n')).to.equal(false);
    expect(matches('a\nb\n', 'a\n')).to.equal(false);
  });
});

const missing = ['curl', 'python3'].filter((program) => spawnSync(program, ['--version']).error);

for (const kind of STORES) {
  describe(`the examples of docs/analysts.md on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    if (missing.length > 0) {
      it(`skipped: ${missing.join(' and ')} cannot be run here`);
      return;
    }
    let centre: Centre;
    let folder: string;

    before(async () => {
      folder = await createTempFolder();
      centre = await Centre.start(kind);
      await centre.push(await centre.addVillage('bamenda'), dayOf('bamenda'));
      await centre.push(await centre.addVillage('kumbo'), readings('kumbo', 4));
      await mkdir(path.join(folder, 'data', 'central'), { recursive: true });
      await writeFile(path.join(folder, 'data', 'central', 'analyst-token'), `${centre.tokens.analyst}\n`);
    });
    after(async () => {
      await centre.stop();
      await removeFolder(folder);
    });

    const run = async (examples: readonly Example[]): Promise<string> => {
      const text = examples.map(({ language, code }) => (language === 'sh' ? code : `python3 - <<'END'\n${code}END\n`));
      const { couch } = centre.place;
      const addressed = text
        .join('\n')
        .replaceAll('http://127.0.0.1:8090', centre.url)
        .replaceAll('http://admin:password@127.0.0.1:5984', couchUrl(couch))
        .replaceAll('$COUCHDB/telemetry', `$COUCHDB/${couch?.prefix ?? ''}telemetry`);
      // The centre is on this machine, whatever proxy there is for others.
      const env = { ...process.env, no_proxy: '*', NO_PROXY: '*' };
      const child = spawn('bash', ['-euo', 'pipefail', '-c', addressed], { cwd: folder, env });
      let printed = '';
      let complaints = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        printed += part;
      });
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        complaints += part;
      });
      const [code] = await once(child, 'close');
      expect(code, `${addressed}\n${complaints}`).to.equal(0);
      return printed;
    };

    it(`print what stands below them${kind === 'embedded' ? ' (but for those that need a CouchDB)' : ''}`, async () => {
      const examples = examplesOf(await readFile(DOCUMENT, 'utf8'));
      const setup = examples.filter(({ note }) => note === 'setup');
      for (const example of examples) {
        if (example.note === 'setup' || (example.note === 'needs CouchDB' && kind === 'embedded')) continue;
        const printed = await run([...setup, example]);
        const where = `the example at line ${example.line} printed ${printed}`;
        if (example.prints === undefined) expect(printed, where).to.match(/\S/).and.not.include('"error"');
        else expect(matches(printed, example.prints), where).to.equal(true);
      }
    }).timeout(60_000);
  });
}

function couchUrl(couch: Centre['place']['couch']): string {
  const url = new URL(couch?.url ?? 'http://127.0.0.1:5984');
  url.username = encodeURIComponent(couch?.user ?? '');
  url.password = encodeURIComponent(couch?.password ?? '');
  return url.href.replace(/\/$/, '');
}
