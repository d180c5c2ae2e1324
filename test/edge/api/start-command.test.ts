import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import { baseEnvironment, type ProgramProcess, programEntry } from '../../../sim/processes.js';
import { freePort } from '../../support/free-port.js';
import { edgeProgram } from '../../support/programs.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { listAll, post } from './node-client.js';
import { testConfig, useNodes } from './node-under-test.js';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs `solar-edge` with arguments and environment until it ends; one that does not end is killed and has no exit code.
 */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [programEntry('edge'), ...args], {
    env: { ...baseEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}

/** Fails unless the program ended with one sentence on standard error. */
function expectSentence({ code, stdout, stderr }: Ended, wantedCode: number, words: RegExp): void {
  expect(code, stderr).to.equal(wantedCode);
  expect(stdout).to.equal('');
  expect(stderr).to.match(words);
  expect(stderr).to.match(/^error: [^\n]+\n+(\([^\n]+\)\n+){0,2}$/);
}

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

describe('solar-edge start', function () {
  this.timeout(90_000);
  const nodes = useNodes();
  let program: ProgramProcess | undefined;
  let server: net.Server | undefined;

  afterEach(async () => {
    await program?.kill('SIGKILL');
    program = undefined;
    server?.close();
    server = undefined;
  });

  const folder = useTempFolder();
  const settings = (more: Record<string, string> = {}) => ({
    VILLAGE_ID: 'kano',
    LOCAL_CACHE_PATH: path.join(folder.path, 'data'),
    EDGE_PORT: '0',
    ...more,
  });

  it('ends with 2 and a sentence that names the setting, and leaves no trace, when one is wrong', async () => {
    const config = path.join(folder.path, 'config.json');
    await writeFile(config, '{"EDGE_PROT": 8080}');
    const cases: [string[], Record<string, string>, RegExp][] = [
      [[], { VILLAGE_ID: '' }, /VILLAGE_ID \(--village-id\) is required/],
      [['--edge-port', '70000'], settings(), /--edge-port must be a whole number from 0 to 65535.*"70000"/],
      [[], settings({ EDGE_HOST: '0.0.0.0' }), /EDGE_HOST 0.0.0.0 .*requires EDGE_TOKEN/],
      [[], settings({ EDGE_HOST: '203.0.113.7', EDGE_TOKEN: 's3cr3t' }), /EDGE_HOST 203.0.113.7 is not an address/],
      [
        [],
        settings({ EDGE_TOKEN_FILE: path.join(folder.path, 'none') }),
        /EDGE_TOKEN_FILE names a file that cannot be read/,
      ],
      [['--config', config], settings(), /--config .* has an unknown setting "EDGE_PROT"/],
      [['--config', path.join(folder.path, 'none')], settings(), /--config .* cannot be read as JSON/],
      [['--edge-prot', '8080'], settings(), /unknown option '--edge-prot'/],
      [['now'], settings(), /too many arguments/],
      [['--edge-port'], settings(), /--edge-port <value>' argument missing/],
    ];
    const answers = await Promise.all(cases.map(([args, env]) => run(['start', ...args], env)));
    for (const [index, ended] of answers.entries()) {
      expectSentence(ended, 2, cases[index]?.[2] ?? /^$/);
      expect(ended.stderr).to.not.contain('s3cr3t');
    }
    const left = await readdir(folder.path);
    // An address that is not this machine's is noticed only with the store open: the store is there, and empty.
    expect(left.filter((name) => name !== 'config.json' && name !== 'data')).to.deep.equal([]);
    const node = await nodes.start(path.join(folder.path, 'data'));
    expect((await node.status()).store.lastSeq).to.equal(1);
  });

  it('would end with 2 and name the setting for each value that no node can work with', () => {
    for (const [env, words] of [
      [{ VILLAGE_ID: '9lives' }, /^VILLAGE_ID must be a letter .*"9lives"/],
      [{ EDGE_PORT: 'tcp://10.0.0.1:8080' }, /^EDGE_PORT must be a whole number/],
      [{ SYNC_SCHEDULE: 'at two' }, /^SYNC_SCHEDULE must be a cron expression/],
      [{ SYNC_TIMEZONE: 'Africa/Atlantis' }, /^SYNC_TIMEZONE must be a time zone/],
      [{ SYNC_MODE: 'dead' }, /^SYNC_MODE must be one of live, scheduled/],
      [{ API_URL: 'http://user:s3cr3t@centre/' }, /^API_URL must be an origin/],
      [{ CENTRAL_PASSWORD: 's3cr3t with spaces' }, /^CENTRAL_PASSWORD must be printable/],
      [{ EDGE_HOST: '127.0.0.1.example.org' }, /^EDGE_HOST 127.0.0.1.example.org .*requires EDGE_TOKEN/],
      [{ BUFFER_MAX_MB: '0' }, /^BUFFER_MAX_MB must be a whole number from 1/],
      [{ POWER_AT: 'yesterday' }, /^POWER_AT must be an RFC 3339/],
    ] as const) {
      const failure = failureOf(() => testConfig(folder.path, env));
      expect(failure).to.be.instanceOf(AppError).with.property('exitCode', 2);
      expect((failure as AppError).message)
        .to.match(words)
        .and.to.not.contain('s3cr3t');
    }
    const trial = {
      SYNC_TIMEOUT: '2',
      MIN_FREE_MB: '0',
      SYNC_JITTER: '0',
      CONNECTIVITY_INTERVAL: '1',
      VILLAGE_ID: 'Bamenda',
    };
    expect(testConfig(folder.path, trial)).to.include({ SYNC_TIMEOUT: 2, SYNC_JITTER: 0, VILLAGE_ID: 'bamenda' });
  });

  it('ends with 2 when its port is in use, and stores nothing', async () => {
    server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ended = await run(['start'], settings({ EDGE_PORT: String(port) }));
    expectSentence(
      ended,
      2,
      new RegExp(`port ${port} on 127.0.0.1 is in use by another program; choose another EDGE_PORT`),
    );
    const node = await nodes.start(path.join(folder.path, 'data'));
    expect((await node.status()).store.lastSeq).to.equal(1);
  });

  it('ends with 2 when its data folder is in use by another node, which goes on undisturbed', async () => {
    const dataPath = path.join(folder.path, 'data');
    program = await edgeProgram({ villageId: 'kano', dataPath });
    await program.start();
    const reading = { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 1 };
    await post(program.url, 'readings', reading);
    expectSentence(
      await run(['start'], settings()),
      2,
      new RegExp(`the data folder ${dataPath} is in use by another running node`),
    );
    expect((await post(program.url, 'readings', [reading, { ...reading, device: 'm2' }])).body).to.include({
      accepted: 1,
      duplicates: 1,
      lastSeq: 3,
    });
    expect(await listAll(program.url, 'readings')).to.have.length(2);
  });

  it('ends with 2 when its data folder belongs to another village', async () => {
    const dataPath = path.join(folder.path, 'data');
    await (await nodes.start(dataPath)).stop();
    expectSentence(
      await run(['start'], settings({ VILLAGE_ID: 'Bamenda' })),
      2,
      new RegExp(`the data folder ${dataPath} belongs to village kano, not to bamenda`),
    );
  });

  it('takes its settings from flags, environment and file, says where it listens, and keeps secrets to itself', async () => {
    const port = await freePort();
    const token = path.join(folder.path, 'token');
    await writeFile(token, 's3cr3t\n');
    const config = path.join(folder.path, 'config.json');
    await writeFile(config, JSON.stringify({ VILLAGE_ID: 'Kano', EDGE_PORT: 1, EDGE_TOKEN_FILE: token }));
    const child = spawn(
      process.execPath,
      [programEntry('edge'), 'start', '--config', config, '--edge-port', String(port), '--log-format', 'json'],
      {
        env: { ...baseEnvironment(), LOCAL_CACHE_PATH: path.join(folder.path, 'data'), EDGE_PORT: '2' },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      },
    );
    let log = '';
    const listens = new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        log += part;
        if (log.includes('listens at')) resolve();
      });
    });
    const closed = once(child, 'close');
    await Promise.race([listens, closed]);
    expect(log).to.contain(`the node of kano listens at http://127.0.0.1:${port}`);
    const denied = await fetch(`http://127.0.0.1:${port}/v1/status`);
    const granted = await fetch(`http://127.0.0.1:${port}/v1/status`, { headers: { Authorization: 'Bearer s3cr3t' } });
    expect([denied.status, granted.status]).to.deep.equal([401, 200]);
    await Promise.all([denied.text(), granted.text()]);
    child.kill('SIGTERM');
    await closed;
    expect(child.exitCode).to.equal(0);
    expect(log).to.not.contain('s3cr3t');
    for (const line of log.trimEnd().split('\n'))
      expect(JSON.parse(line)).to.include({ program: 'solar-edge', village: 'kano' });
  });
});
