/**
 * Whom a verb speaks to. LevelDB admits one process, so the store is reached through the node that has it open.
 *
 * With `--edge URL` that node and no other, whatever happens. Without it the node at the configured host and port; only
 * where nothing runs there and LOCAL_CACHE_PATH holds a store of this village does the verb open it itself.
 */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { addSettings, settingsOf } from '../../shared/cli.js';
import { ProgramClient } from '../../shared/http/client.js';
import { origin } from '../../shared/setting-schemas.js';
import { EDGE_SETTINGS, type EdgeSettings, nodeConfig } from '../config.js';

/** Adds `--edge` and the settings to a verb that needs the store. */
export function withEdgeOptions(command: Command): Command {
  command.option('--edge <url>', 'speak to the node at this address and to no other');
  return addSettings(command, EDGE_SETTINGS);
}

/** Finds the node, does the work with it and returns what the work returns. Throws `unavailable` when there is none. */
export async function openEdge<T>(command: Command, work: (client: ProgramClient) => Promise<T>): Promise<T> {
  const settings = settingsOf(command, EDGE_SETTINGS);
  const { edge } = command.opts<{ edge?: string }>();
  if (edge !== undefined) {
    const parsed = origin.safeParse(edge);
    if (!parsed.success) throw new AppError('usage', `--edge ${parsed.error.issues[0]?.message}`);
    return work(await checkedClient(parsed.data, settings));
  }
  const url = configuredUrl(settings);
  if (await answers(url)) return work(await checkedClient(url, settings));
  return openStore(settings, url, work);
}

/** A node's `/v1/status` says whose it is; data must not end up in another village. */
async function checkedClient(url: string, settings: EdgeSettings): Promise<ProgramClient> {
  const client = new ProgramClient({ url, token: settings.EDGE_TOKEN, peer: 'the node' });
  if (settings.VILLAGE_ID === undefined) return client;
  const { village } = await client.json<{ village?: string }>('/v1/status');
  if (village !== settings.VILLAGE_ID) {
    throw new AppError('usage', `the node at ${url} belongs to village ${village}, not to ${settings.VILLAGE_ID}`);
  }
  return client;
}

function configuredUrl({ EDGE_HOST, EDGE_PORT }: EdgeSettings): string {
  // Listening everywhere includes this machine's loopback.
  const host = EDGE_HOST === '0.0.0.0' ? '127.0.0.1' : EDGE_HOST === '::' ? '[::1]' : EDGE_HOST;
  return `http://${host}:${EDGE_PORT}`;
}

async function answers(url: string): Promise<boolean> {
  try {
    await new ProgramClient({ url, peer: 'the node', timeoutMs: 5_000 }).fetch('/healthz');
    return true;
  } catch (error) {
    const cause = error instanceof AppError ? error.cause : undefined;
    const refused =
      cause instanceof Error && String((cause.cause as { code?: string } | undefined)?.code) === 'ECONNREFUSED';
    // Anything but a refused connection means that something is there; it will say itself what is wrong with it.
    return !refused;
  }
}

async function openStore<T>(
  settings: EdgeSettings,
  url: string,
  work: (client: ProgramClient) => Promise<T>,
): Promise<T> {
  // Loaded only here: a verb that asks a running node starts in a fraction of the time without the store's modules.
  const [{ createLogger }, { EdgeNode }, { storeExists }] = await Promise.all([
    import('../../shared/logger.js'),
    import('../node.js'),
    import('../ledger/store-state.js'),
  ]);
  const { LOCAL_CACHE_PATH: folder } = settings;
  if (settings.VILLAGE_ID === undefined || !(await storeExists(folder))) {
    const why = settings.VILLAGE_ID === undefined ? 'VILLAGE_ID is not set' : `${folder} holds no store`;
    throw new AppError('unavailable', `no node answers at ${url}, and the store cannot be opened instead: ${why}`);
  }
  const token = randomBytes(24).toString('base64url');
  const config = nodeConfig({ ...settings, EDGE_HOST: '127.0.0.1', EDGE_PORT: 0, EDGE_TOKEN: token });
  const log = createLogger({ level: 'warn', format: config.LOG_FORMAT, fields: { village: config.VILLAGE_ID } });
  const node = new EdgeNode({ config, log, purpose: 'tool' });
  await node.start();
  try {
    return await work(new ProgramClient({ url: node.url, token, peer: 'the store' }));
  } finally {
    await node.stop();
  }
}
