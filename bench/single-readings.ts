/**
 * Row: one durable reading a request over 64 connections, against an Express server that stores nothing.
 *
 * Both servers run, and are asked in turns of some seconds: whatever else the machine does then hits both.
 */
import { fileURLToPath } from 'node:url';
import { freePort } from '../sim/ports.js';
import { ProgramProcess } from '../sim/processes.js';
import type { SingleReadingsLoad, SingleReadingsResult } from './load/single-readings.js';
import { atLeastOfPeer, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { assertStored, withNode } from './support/bench-node.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/single-readings.js', import.meta.url);
const PEER = fileURLToPath(new URL('./peers/express-server.js', import.meta.url));
const CONNECTIONS = 64;
const TURNS = 4;

const FIGURE: Figure = {
  key: 'single-readings',
  what: `one durable reading a request, ${CONNECTIONS} connections`,
  peer: 'Express that parses and answers',
  unit: 'requests/s',
  digits: 0,
  targets: [atLeastOfPeer(0.5)],
  behind: 'the peer is a bound and no rival: it stores nothing',
};

export const singleReadings: Row = {
  name: 'single-readings',
  figures: [FIGURE],
  measure: (context) =>
    withNode(context, {}, (node) =>
      withExpress(async (expressUrl) => {
        const ours: number[] = [];
        const peer: number[] = [];
        const size = sizeOf(context);
        let sent = 0;
        for (let turn = 0; turn < TURNS; turn++) {
          // Only at first: the servers stay warm, the load generator is a new process each time.
          const part = { from: sent, warmUp: turn === 0 ? size.warmUp : size.warmUp / 10, requests: size.requests };
          const elapsed = await inTurn(
            context,
            () => load(context, node.url, part),
            () => load(context, expressUrl, part),
          );
          ours.push(elapsed.ours);
          peer.push(elapsed.peer);
          sent += part.warmUp + part.requests;
        }
        await assertStored(node, sent);
        const perSecond = (elapsedMs: number[]) => (TURNS * size.requests * 1000) / sum(elapsedMs);
        return [{ figure: FIGURE, ours: perSecond(ours), peer: perSecond(peer) }];
      }),
    ),
};

async function withExpress<T>(work: (url: string) => Promise<T>): Promise<T> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = new ProgramProcess({ name: 'the Express server', entry: PEER, args: [String(port)], env: {}, url });
  try {
    await server.start();
    return await work(url);
  } finally {
    await server.stop();
  }
}

/** Milliseconds for the requests after the warm-up. */
async function load(
  { signal }: RunContext,
  url: string,
  part: Pick<SingleReadingsLoad, 'from' | 'warmUp' | 'requests'>,
): Promise<number> {
  const input: SingleReadingsLoad = { url: `${url}/v1/readings`, connections: CONNECTIONS, ...part };
  return (await runTask<SingleReadingsLoad, SingleReadingsResult>(LOAD, input, signal)).elapsedMs;
}

/** Of one turn. */
function sizeOf({ small }: RunContext): { warmUp: number; requests: number } {
  return small ? { warmUp: 500, requests: 500 } : { warmUp: 8_000, requests: 10_000 };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
