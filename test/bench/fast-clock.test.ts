import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { fastClockEnvironment } from '../../bench/support/fast-clock.js';

/** Runs an ES module with its time `speed` times as fast, and parses what it prints. */
async function runFast<T>(speed: number, sinceMs: number, program: string): Promise<T> {
  const env = { PATH: process.env.PATH ?? '', ...fastClockEnvironment(speed, sinceMs) };
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 });
  return JSON.parse(stdout) as T;
}

describe('the fast clock of the benchmark', () => {
  it('lets clocks and timers agree on a minute that takes a tenth of a second', async () => {
    let ticks = 0;
    // A busy machine may be away for most of that tenth of a second, and what is missed is not made up for: once more then.
    for (let tried = 0; tried < 5 && ticks < 3; tried++) {
      const sinceMs = Date.now();
      const told = await runFast<{ wallMs: number; monotonicMs: number; ticks: number; atMs: number }>(
        600,
        sinceMs,
        // Both are read one after the other, again where the machine has taken its own milliseconds in between.
        `const read = () => {
           for (;;) {
             const monotonic = performance.now();
             const wall = new Date().getTime();
             if (performance.now() - monotonic < 10_000) return { wall, monotonic };
           }
         };
         const began = read();
         let ticks = 0;
         const ticking = setInterval(() => ticks++, 10_000);
         setTimeout(() => {
           clearInterval(ticking);
           const { wall, monotonic } = read();
           const passed = { wallMs: wall - began.wall, monotonicMs: monotonic - began.monotonic };
           console.log(JSON.stringify({ ...passed, ticks, atMs: Date.now() }));
         }, 60_000);`,
      );
      const tookMs = Date.now() - sinceMs;
      // A timer may come late, by minutes of this time on a busy machine, but not early and not by the real time.
      expect(told.wallMs).to.be.within(59_000, 600 * tookMs);
      expect(told.monotonicMs).to.be.within(told.wallMs - 20_000, told.wallMs + 20_000);
      expect(told.atMs - sinceMs).to.be.within(60_000, 600 * tookMs);
      ticks = told.ticks;
    }
    expect(ticks).to.be.within(3, 7);
  });

  it('ends idle connections after as much of its own time, and dates answers by it', async () => {
    const sinceMs = Date.now();
    const told = await runFast<{ aliveMs: number; dateMs: number; nowMs: number; thenMs: number }>(
      600,
      sinceMs,
      `import http from 'node:http';
       let idleSince;
       let nowMs;
       let thenMs;
       const server = http.createServer((_request, response) => {
         response.on('finish', () => { idleSince = performance.now(); });
         nowMs = Date.now();
         response.end('x');
         thenMs = Date.now();
       });
       server.keepAliveTimeout = 75_000;
       server.listen(0, '127.0.0.1', () => {
         const agent = new http.Agent({ keepAlive: true });
         http.get({ port: server.address().port, host: '127.0.0.1', agent }, (response) => {
           const socket = response.socket;
           const dateMs = Date.parse(response.headers.date);
           response.resume().on('end', () => {
             socket.on('close', () => {
               console.log(JSON.stringify({ aliveMs: performance.now() - idleSince, dateMs, nowMs, thenMs }));
               server.close();
             });
           });
         });
       });`,
    );
    // Node's own timers count whole milliseconds of real time, and are as late as the machine is busy.
    expect(told.aliveMs).to.be.within(70_000, 3_000_000);
    // To the second; the real time is at least half a minute behind by now.
    expect(told.dateMs).to.be.within(told.nowMs - 1_000, told.thenMs);
  });
});
