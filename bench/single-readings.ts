/** Row: one durable reading a request over 64 connections, against an Express server that stores nothing. */
import { fileURLToPath } from 'node:url';
import { freePort } from '../sim/ports.js';
import { ProgramProcess } from '../sim/processes.js';
import type { SingleReadingsLoad, SingleReadingsResult } from './load/single-readings.js';
import { atLeastOfPeer, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { assertStored, withNode } from './support/bench-node.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/single-readings.js', import.meta.url);
const PEER = fileURLToPath(new URL('./peers/express-server.js', import.meta.url));

const FIGURE: Figure = {
  key: 'single-readings',
  what: 'one durable reading a request, 64 connections',
  peer: 'Express that parses and answers',
  unit: 'requests/s',
  digits: 0,
  targets: [atLeastOfPeer(0.5)],
};

export const singleReadings: Row = {
  name: 'single-readings',
  figures: [FIGURE],
  async measure(context) {
    const { ours, peer } = await inTurn(
      context,
      () => measureOurs(context),
      () => measurePeer(context),
    );
    return [{ figure: FIGURE, ours, peer }];
  },
};

function measureOurs(context: RunContext): Promise<number> {
  return withNode(context, {}, async (node) => {
    const perSecond = await load(context, node.url);
    const { warmUp, requests } = sizeOf(context);
    await assertStored(node, warmUp + requests);
    return perSecond;
  });
}

async function measurePeer(context: RunContext): Promise<number> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = new ProgramProcess({ name: 'the Express server', entry: PEER, args: [String(port)], env: {}, url });
  try {
    await server.start();
    return await load(context, url);
  } finally {
    await server.stop();
  }
}

async function load(context: RunContext, url: string): Promise<number> {
  const input: SingleReadingsLoad = { url: `${url}/v1/readings`, connections: 64, ...sizeOf(context) };
  const { perSecond } = await runTask<SingleReadingsLoad, SingleReadingsResult>(LOAD, input, context.signal);
  return perSecond;
}

function sizeOf({ small }: RunContext): { warmUp: number; requests: number } {
  return small ? { warmUp: 500, requests: 2_000 } : { warmUp: 8_000, requests: 40_000 };
}
