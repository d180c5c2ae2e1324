import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { ProgramProcess, type ProgramProcessOptions } from '../../sim/processes.js';
import { freePort } from '../support/free-port.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

/** Listens, tells its settings, and does what the test asks for by MANNERS. */
const TOY_PROGRAM = `
import http from 'node:http';
if (process.env.MANNERS === 'dies') { console.error('the disk is on fire'); process.exit(7); }
if (process.env.MANNERS === 'deaf') process.on('SIGTERM', () => {});
else process.on('SIGTERM', () => process.exit(0));
const isReady = () => process.env.MANNERS !== 'never-ready';
http.createServer((request, response) => {
  if (request.url === '/env') return response.end(JSON.stringify(process.env));
  response.writeHead(isReady() ? 200 : 503).end();
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

describe('a program as a child process', () => {
  const running: { stop(): unknown }[] = [];

  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
  });

  const folder = useTempFolder();

  async function toy(manners: string, options: Partial<ProgramProcessOptions> = {}): Promise<ProgramProcess> {
    const entry = path.join(folder.path, 'toy.mjs');
    await writeFile(entry, TOY_PROGRAM);
    const port = await freePort();
    const env = { PORT: String(port), MANNERS: manners };
    const program = new ProgramProcess({
      name: 'the toy',
      entry,
      args: [],
      env,
      url: `http://127.0.0.1:${port}`,
      ...options,
    });
    running.push({ stop: () => program.kill('SIGKILL') });
    return program;
  }

  /** Whether it still listens; a process that has ended may keep its number until somebody asks for its exit code. */
  const answers = (url: string): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    );

  it('is ready when its start resolves, and gone when its stop does; both may be called twice', async () => {
    const program = await toy('good');
    await program.start();
    await program.start();
    expect((await fetch(program.url)).ok).to.equal(true);
    expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
    await program.stop();
    expect([await answers(program.url), program.isRunning]).to.deep.equal([false, false]);
  });

  it('runs again after it was killed', async () => {
    const program = await toy('good');
    await program.start();
    const pid = program.pid;
    expect(await program.kill('SIGKILL')).to.deep.equal({ code: null, signal: 'SIGKILL' });
    await program.start();
    expect(program.pid).to.not.equal(pid);
    expect((await fetch(program.url)).ok).to.equal(true);
  });

  it('gets the settings it is given and none that happen to be in the environment', async () => {
    process.env.EDGE_TOKEN = 'left over';
    try {
      const program = await toy('good');
      await program.start();
      const env = (await (await fetch(`${program.url}/env`)).json()) as Record<string, string>;
      expect(env).to.include({ MANNERS: 'good', PATH: process.env.PATH });
      expect(env).to.not.have.property('EDGE_TOKEN');
    } finally {
      delete process.env.EDGE_TOKEN;
    }
  });

  it('that ends at its start is reported with its exit code and its last words', async () => {
    const program = await toy('dies');
    const failure = await program.start().then(() => 'no failure', messageOf);
    expect(failure).to.equal('the toy did not start: it ended with exit code 7\nthe disk is on fire');
    expect(program.isRunning).to.equal(false);
  });

  it('that ends unasked is noticed', async () => {
    const program = await toy('good');
    await program.start();
    program.assertRunning();
    await program.kill('SIGKILL');
    expect(() => program.assertRunning()).to.throw('the toy ended unexpectedly');
  });

  it('that is not ready in time is reported and ended', async () => {
    const program = await toy('never-ready', { readyTimeoutMs: 500 });
    const failure = await program.start().then(() => 'no failure', messageOf);
    expect(failure).to.match(/^the toy did not start: waited 0.5 s for the toy at \S+ to be ready/);
    expect(program.isRunning).to.equal(false);
  });

  it('that does not listen to SIGTERM is killed after a while', async () => {
    const program = await toy('deaf', { stopTimeoutMs: 200 });
    await program.start();
    expect(await program.terminate()).to.deep.equal({ code: null, signal: 'SIGKILL' });
  });

  for (const [ending, act] of [
    ['SIGTERM', (parent: ChildProcess) => parent.kill('SIGTERM')],
    ['SIGINT', (parent: ChildProcess) => parent.kill('SIGINT')],
    ['an exception', (parent: ChildProcess) => parent.stdin?.end('throw')],
  ] as const) {
    it(`does not outlive a parent that ends by ${ending}`, async () => {
      const program = await toy('deaf');
      const script = path.join(folder.path, 'parent.mjs');
      const options = { name: 'the toy', entry: path.join(folder.path, 'toy.mjs'), args: [], url: program.url };
      const env = { PORT: new URL(program.url).port, MANNERS: 'deaf' };
      await writeFile(
        script,
        `import { ProgramProcess } from ${JSON.stringify(new URL('../../sim/processes.js', import.meta.url).href)};
        const program = new ProgramProcess(${JSON.stringify({ ...options, env })});
        await program.start();
        process.stdin.on('data', () => { throw new Error('on purpose'); });
        console.log(program.pid);`,
      );
      const parent = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
      running.push({ stop: () => parent.kill('SIGKILL') });
      await once(parent.stdout, 'data');
      expect(await answers(program.url)).to.equal(true);
      act(parent);
      await once(parent, 'exit');
      await waitFor(async () => !(await answers(program.url)), { what: 'the child to be gone' });
    });
  }
});
