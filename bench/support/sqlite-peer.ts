/** Peer: a buffer in SQLite (WAL, synchronous=FULL) that sends batches by HTTP, and the centre that stores them. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProgramClient } from '../../shared/http/client.js';
import { freePort } from '../../sim/ports.js';
import { ProgramProcess } from '../../sim/processes.js';
import type { SingleReadingsLoad, SingleReadingsResult } from '../load/single-readings.js';
import type { RunContext } from '../row.js';
import { entryApart, type SendTo } from './apart.js';
import { type BufferPeer, peerCentre } from './buffer-peer.js';
import { fill, postOne } from './node-client.js';
import { runTask } from './task.js';

const LOAD = new URL('../load/single-readings.js', import.meta.url);
const CONNECTIONS = 64;
const CREDENTIAL = { user: 'bench', password: 'bench-village-password' };

export const sqlitePeer: BufferPeer = {
  name: 'sqlite',
  what: 'SQLite (WAL, FULL) and batches of 500 by HTTP, gzip',
  withCentre: (context, work) => {
    const credential = { CENTRE_USER: CREDENTIAL.user, CENTRE_PASSWORD: CREDENTIAL.password };
    return withProgram(context, 'sqliteCentre', credential, ({ url }) =>
      work(peerCentre(Number(new URL(url).port), url)),
    );
  },
  withBuffer: (context, work) =>
    withProgram(context, 'sqliteBuffer', {}, (program, folder) => {
      const { url } = program;
      return work({
        folder,
        pid: () => pidOf(program),
        fill: (from, readings) => fill(context, { url }, from, readings),
        single: (from, readings) => singleReadings(context, url, from, readings),
        postOne: (device) => postOne({ url }, device),
        sendTo: async (port) => {
          const target: SendTo = { url: `http://127.0.0.1:${port}`, ...CREDENTIAL };
          await new ProgramClient({ url, peer: 'the peer' }).fetch('/sender', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(target),
          });
        },
        killAndStart: async () => {
          await program.kill('SIGKILL');
          const startMs = performance.now();
          await program.start();
          return (performance.now() - startMs) / 1000;
        },
      });
    }),
};

/** A program over an empty folder that is removed with it. */
export async function withProgram<T>(
  { folder: parent }: RunContext,
  name: 'sqliteBuffer' | 'sqliteCentre' | 'mqttCentre',
  env: Record<string, string>,
  work: (program: ProgramProcess, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(parent, `${name}-`));
  const port = await freePort();
  const program = new ProgramProcess({
    name: `the peer ${name}`,
    ...{ entry: fileURLToPath(entryApart(name)), args: [] },
    env: { PORT: String(port), FOLDER: folder, ...env },
    url: `http://127.0.0.1:${port}`,
  });
  try {
    await program.start();
    const result = await work(program, folder);
    program.assertRunning();
    return result;
  } finally {
    await program.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

/** One reading a request over 64 connections; readings a second, once a fifth of them has warmed both sides up. */
export async function singleReadings(
  { signal }: RunContext,
  url: string,
  from: number,
  readings: number,
): Promise<number> {
  const warmUp = Math.floor(readings / 5);
  const requests = readings - warmUp;
  const load: SingleReadingsLoad = { url: `${url}/v1/readings`, connections: CONNECTIONS, from, warmUp, requests };
  const { elapsedMs } = await runTask<SingleReadingsLoad, SingleReadingsResult>(LOAD, load, signal);
  return (requests / elapsedMs) * 1000;
}

function pidOf(program: ProgramProcess): number {
  program.assertRunning();
  if (program.pid === undefined) throw new Error(`${program.name} does not run`);
  return program.pid;
}
