import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { importCsvCommand } from '../../../edge/cli/import-csv.js';
import { AppError } from '../../../shared/app-error.js';
import { freePort } from '../../support/free-port.js';
import { useCsvFolder } from './csv-folder.js';
import { FakeNode } from './fake-node.js';

const DRIVER = fileURLToPath(new URL('import-csv-driver.js', import.meta.url));
const MAPPED = ['--device', 'meter', '--time', 'time', '--map', 'power=powerW'];

function solarEdge(url: string, ...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [DRIVER, url, 'import-csv', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('solar-edge import-csv', () => {
  let node: FakeNode;
  beforeEach(async () => {
    node = await new FakeNode().start();
  });
  afterEach(() => node.stop());
  const folder = useCsvFolder();

  it('prints one sentence and exits 0 when the file is stored', async () => {
    const file = await folder.file('time,power\n2026-01-01,1\n2026-01-02,\n2026-01-03,3\n2026-01-03,3\n');
    const { code, stdout } = await solarEdge(node.client.url, file, ...MAPPED);
    expect(stdout).to.equal(
      '4 rows read: 2 accepted, 1 duplicate, 1 without values. ' +
        'Their times are 2026-01-01T00:00:00.000Z to 2026-01-03T00:00:00.000Z.\n',
    );
    expect(code).to.equal(0);
  });

  it('exits 1 at a bad row, naming row and line, and says what is stored', async () => {
    const file = await folder.file('time,power\n2026-01-01,1\n\n2026-01-02,-\n');
    const { code, stdout, stderr } = await solarEdge(node.client.url, file, ...MAPPED);
    expect(stderr).to.contain('error: row 2 (line 4): "-" in the column "power" is not a number\n');
    expect(stdout).to.match(
      /^2 rows read: 1 accepted, 0 duplicates; what was accepted is stored, .* adds nothing twice\. Their times are (\S+) to \1\.\n$/,
    );
    expect(code).to.equal(1);
    expect(node.stored.size).to.equal(1);
  });

  it('with skip exits 0, lists the first twenty bad rows and counts the others', async () => {
    const rows = Array.from({ length: 25 }, (_, n) => `2026-01-01 00:${n + 10},x\n`).join('');
    const file = await folder.file(`time,power\n2026-01-01,1\n${rows}`);
    const { code, stdout, stderr } = await solarEdge(node.client.url, file, ...MAPPED, '--on-error', 'skip');
    const lines = stderr.split('\n').filter((line) => line.startsWith('skipped'));
    expect(lines).to.have.length(21);
    expect(lines[0]).to.equal('skipped row 2 (line 3): "x" in the column "power" is not a number');
    expect(lines[20]).to.equal('skipped 5 more rows');
    expect(stdout).to.equal(
      '26 rows read: 1 accepted, 0 duplicates, 25 bad and skipped. ' +
        'Their times are 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:00.000Z.\n',
    );
    expect(code).to.equal(0);
  });

  it('prints one JSON line per step with --json', async () => {
    const content = 'time,power\n2026-01-01,1\n2026-01-02,x\n2026-01-03,3\n';
    const file = await folder.file(content);
    const totalBytes = content.length;
    const json = [...MAPPED, '--json'];
    const day = (n: number) => `2026-01-0${n}T00:00:00.000Z`;
    const stopped = await solarEdge(node.client.url, file, ...json);
    const counts = { rows: 2, accepted: 1, duplicates: 0, skipped: 0, empty: 0 };
    const error = { code: 'invalid_request', message: '"x" in the column "power" is not a number', row: 2, line: 3 };
    expect(
      stopped.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      { event: 'progress', ...counts, bytesRead: 37, totalBytes },
      { event: 'done', ok: false, ...counts, firstAt: day(1), lastAt: day(1), error },
    ]);
    const skipping = await solarEdge(node.client.url, file, ...json, '--on-error', 'skip');
    const all = { rows: 3, accepted: 1, duplicates: 1, skipped: 1, empty: 0 };
    expect(
      skipping.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      { event: 'skipped', row: 2, line: 3, message: error.message },
      { event: 'progress', ...all, bytesRead: totalBytes, totalBytes },
      { event: 'done', ok: true, ...all, firstAt: day(1), lastAt: day(3) },
    ]);
  });

  it('exits 1 when nothing answers and 3 when the credential is refused', async () => {
    const file = await folder.file('time,power\n2026-01-01,1\n');
    node.before = () => {
      throw new AppError('unauthorized', 'this node asks for a token');
    };
    const refused = await solarEdge(node.client.url, file, ...MAPPED);
    expect(refused.stderr).to.contain('error: this node asks for a token');
    expect(refused.code).to.equal(3);
    const url = `http://127.0.0.1:${await freePort()}`;
    const gone = await solarEdge(url, file, ...MAPPED);
    expect(gone.stderr).to.contain(`error: the node at ${url} cannot be reached`);
    expect(gone.stdout).to.contain('0 rows read: 0 accepted');
    expect(gone.code).to.equal(1);
  });

  it('exits 2 for a wrong call, before it asks for the node', async () => {
    const file = await folder.file('time,power\n2026-01-01,1\n');
    for (const [args, sentence] of [
      [[folder.path('none.csv'), ...MAPPED], 'there is no file'],
      [[file, ...MAPPED, '--on-error', 'retry'], '--on-error'],
      [[file, '--device', 'meter', '--time', 'time'], '--map'],
    ] as const) {
      const { code, stdout, stderr } = await solarEdge(node.client.url, ...args);
      expect(code).to.equal(2);
      expect(stderr).to.contain(sentence).and.not.to.contain('the node was asked for');
      expect(stdout).to.equal('');
    }
  });

  it('names what is wrong with the call', async () => {
    const file = await folder.file('time,power\n2026-01-01,1\n');
    const cases: [string[], string][] = [
      [['--device', 'my meter'], '--device "my meter"'],
      [['--time', 'when'], 'there is no column "when"; the file has "time", "power"'],
      [['--tz', 'Mars'], '--tz "Mars" is not a time zone'],
      [['--tz', '-25:00'], '--tz -25:00'],
      [['--time-format', 'HH:mm'], '--time-format "HH:mm"'],
      [['--map', 'power=voltageV'], '"power" is given twice'],
      [['--map', 'time=powerW'], 'the field "powerW" to more than one column'],
    ];
    for (const [args, sentence] of cases) {
      const command = importCsvCommand(() => Promise.reject(new Error('the node was asked for')));
      const error: unknown = await command
        .parseAsync([file, ...MAPPED, ...args], { from: 'user' })
        .catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(AppError).and.to.have.property('code', 'usage');
      expect((error as AppError).message).to.contain(sentence);
    }
  });
});
