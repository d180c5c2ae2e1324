/**
 * The systemd units: their commands run as real processes with the environment they give, tell systemd what it waits for,
 * and end in time.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, type Context, describe, it } from 'mocha';
import { EDGE_SETTINGS } from '../../edge/config.js';
import { SERVER_SETTINGS } from '../../server/config.js';
import { ProgramClient } from '../../shared/http/client.js';
import { sleep } from '../../shared/time.js';
import { ProgramProcess } from '../../sim/processes.js';
import { freePort } from '../support/free-port.js';
import { whyNoStrace } from '../support/strace.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { itWhere } from './support/it-where.js';
import { NotifySocket, whyNoNotifySocket } from './support/notify-socket.js';
import { assignmentsIn, readUnit, spanMs, type UnitFile } from './support/unit-file.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = new URL('../../../deploy/systemd/', import.meta.url);
/** What the machine's own folders stand for here. */
const INSTALLED = '/opt/solar-sync/';
const WATCHDOG_MS = 1_500;

interface Service {
  unit: string;
  example: string;
  settings: Record<string, unknown>;
  dataFolder: string;
  portSetting: string;
  hostSetting: string;
  /** What a person fills in. */
  filled: Record<string, string>;
}

const EDGE: Service = {
  ...{ unit: 'solar-edge.service', example: 'edge.env.example', settings: EDGE_SETTINGS },
  ...{ dataFolder: '/var/lib/solar-edge', portSetting: 'EDGE_PORT', hostSetting: 'EDGE_HOST' },
  filled: { API_URL: 'http://127.0.0.1:9', CENTRAL_PASSWORD: 'secret', EDGE_TOKEN: 'token', MIN_FREE_MB: '0' },
};
const CENTRAL: Service = {
  ...{ unit: 'solar-central.service', example: 'central.env.example', settings: SERVER_SETTINGS },
  ...{ dataFolder: '/var/lib/solar-central', portSetting: 'CENTRAL_PORT', hostSetting: 'CENTRAL_HOST' },
  filled: {},
};

describe('the systemd units', () => {
  const ending: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  /** Runs what the unit runs, with its data in a folder of the test's and systemd's end of the socket. */
  async function started(service: Service, under: readonly string[] = []) {
    const folder = await createTempFolder();
    ending.push(() => removeFolder(folder));
    const unit = readUnit(new URL(service.unit, FOLDER));
    const socket = await NotifySocket.open(path.join(folder, 'notify'));
    ending.push(() => socket.close());
    const port = await freePort();
    const { command, env } = commandOf(unit, service, folder);
    const program = new ProgramProcess({
      ...{ name: service.unit, entry: command.entry, args: command.args, under },
      env: {
        ...env,
        ...{ [service.portSetting]: String(port), [service.hostSetting]: '127.0.0.1' },
        ...{ NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) },
      },
      ...{ url: `http://127.0.0.1:${port}`, stopTimeoutMs: spanMs(unit.one('TimeoutStopSec')) },
    });
    ending.push(() => program.stop());
    await program.start();
    return { program, socket };
  }

  for (const service of [EDGE, CENTRAL]) {
    const title = `${service.unit} is ready with its program, fed while it lives, told of the end, and ends with 0 in time`;
    itWhere(whyNoNotifySocket(), title, async () => {
      const { program, socket } = await started(service);
      await waitFor(() => socket.count('WATCHDOG=1') >= 3, { what: 'three signs of life' });
      expect(socket.told[0]).to.equal('READY=1');
      expect(socket.told[1]).to.match(/^STATUS=the (node of bamenda|centre) at http/);
      expect(socket.count('STOPPING=1')).to.equal(0);
      expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
      await waitFor(() => socket.count('STOPPING=1') === 1, { what: 'the end to be told' });
    });

    it(`${service.unit} and its example name settings, users and folders that exist`, () => {
      const unit = readUnit(new URL(service.unit, FOLDER));
      const { env } = commandOf(unit, service, '/nowhere');
      const known = new Set(Object.keys(service.settings));
      const named = [...Object.keys(env), ...namesIn(service.example)].filter(
        (name) => name !== 'NODE_ENV' && name !== 'MALLOC_ARENA_MAX',
      );
      expect(named.length).to.be.above(4);
      for (const name of named) expect(known.has(name), name).to.equal(true);
      expect(unit.one('EnvironmentFile')).to.equal(`/etc/solar-sync/${service.example.replace('.example', '')}`);
      expect(unit.one('StateDirectory')).to.equal(path.basename(service.dataFolder));
      expect(userNames()).to.include(unit.one('User'));
    });
  }

  const stuck = 'solar-edge.service is not fed while documents do not reach the disk, and the log says why';
  itWhere(whyNoNotifySocket() ?? whyNoStrace(), stuck, async function (this: Context) {
    this.timeout(90_000);
    // From some call on, syncing takes longer than the watchdog waits; the program's end waits for it as well.
    const under = ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync'];
    const delay = ['-e', 'inject=fdatasync:delay_enter=12000000:when=40+'];
    const { program, socket } = await started(EDGE, [...under, ...delay]);
    await waitFor(() => socket.count('WATCHDOG=1') >= 1, { what: 'a first sign of life' });
    const client = new ProgramClient({ url: program.url, token: 'token', peer: 'the node' });
    let posted = 0;
    const posting = (async () => {
      for (;;) {
        const body = JSON.stringify({ device: 'm1', powerW: posted });
        await client.json('/v1/readings', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
        posted++;
      }
    })();
    posting.catch(() => undefined);
    const isNoticed = () => program.stderrTail.includes('stands still');
    await waitFor(isNoticed, { what: 'the silence to be noticed', timeoutMs: 30_000 });
    expect(posted).to.be.above(0);
    // A sign of life from before may still be on its way.
    await sleep(WATCHDOG_MS);
    const fed = socket.count('WATCHDOG=1');
    // Two limits without a sign of life: systemd would have ended it by now.
    await sleep(2 * WATCHDOG_MS);
    expect(socket.count('WATCHDOG=1')).to.equal(fed);
    await program.kill('SIGKILL');
    await posting.catch(() => undefined);
  });

  const noAnalyze = spawnSync('systemd-analyze', ['--version']).error ? 'systemd is not installed' : undefined;
  itWhere(noAnalyze, 'systemd finds no fault with the units, and rates their exposure as low', () => {
    for (const { unit } of [EDGE, CENTRAL]) {
      const file = fileURLToPath(new URL(unit, FOLDER));
      const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      // What it says of the machine's own units is not ours.
      expect(
        verified.stderr.split('\n').filter((line) => line.includes(unit) && !/ node | not exec/.test(line)),
      ).to.deep.equal([]);
      const rated = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
      expect(Number(/exposure level for \S+: ([0-9.]+)/.exec(rated.stdout)?.[1]), rated.stderr).to.be.below(2);
    }
  });

  it('a node whose programs fail again and again is started for ever, at a pace a small board bears', () => {
    for (const { unit: file } of [EDGE, CENTRAL]) {
      const unit = readUnit(new URL(file, FOLDER));
      expect(unit.one('Restart')).to.equal('always');
      expect(unit.one('StartLimitIntervalSec')).to.equal('0');
      expect(spanMs(unit.one('RestartSec'))).to.be.within(5_000, 60_000);
      expect(spanMs(unit.one('TimeoutStopSec'))).to.be.above(10_000);
      // A child tells systemd, and a denied call must not end the program: V8 tries some that it can do without.
      expect(unit.one('NotifyAccess')).to.equal('all');
      expect(unit.one('SystemCallErrorNumber')).to.equal('EPERM');
    }
  });
});

function commandOf(unit: UnitFile, service: Service, folder: string) {
  const [program, entry = '', ...args] = unit.one('ExecStart').split(' ');
  expect(program).to.equal('node');
  const given = new Map(unit.all('Environment').flatMap((text) => assignmentsIn(text)));
  for (const [name, value] of assignmentsIn(readFileSync(new URL(service.example, FOLDER), 'utf8'))) {
    given.set(name, value);
  }
  const env: Record<string, string> = { ...Object.fromEntries(given), ...service.filled };
  for (const [name, value] of Object.entries(env)) {
    if (value.startsWith(service.dataFolder)) env[name] = value.replace(service.dataFolder, path.join(folder, 'data'));
  }
  expect(entry.startsWith(INSTALLED)).to.equal(true);
  return { command: { entry: path.join(ROOT, entry.slice(INSTALLED.length)), args }, env };
}

/** Names in an example, those left empty as well. */
function namesIn(example: string): string[] {
  const lines = readFileSync(new URL(example, FOLDER), 'utf8').matchAll(/^([A-Z_]+)=/gm);
  return [...lines].map(([, name = '']) => name);
}

function userNames(): string[] {
  const lines = readFileSync(new URL('sysusers.conf', FOLDER), 'utf8').matchAll(/^u (\S+)/gm);
  return [...lines].map(([, name = '']) => name);
}
