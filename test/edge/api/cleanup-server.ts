/** The route of the cleanup alone, over a keeper of the test's own. */
import express from 'express';
import { postCleanup } from '../../../edge/api/cleanup.js';
import type { SpaceKeeper } from '../../../edge/ledger/space-keeper.js';
import { errorHandler } from '../../../shared/http/errors.js';
import { jsonBody } from '../../../shared/http/json-body.js';
import { HttpServer } from '../../../shared/http/server.js';
import { silentLogger } from '../../../shared/logger.js';

export interface CleanupServer {
  url: string;
  close(): Promise<void>;
}

export async function serveCleanup(keeper: Pick<SpaceKeeper, 'cleanup'>): Promise<CleanupServer> {
  const handler = express();
  handler.post('/v1/cleanup', jsonBody(1000), postCleanup(keeper));
  handler.use(errorHandler(silentLogger()));
  const server = new HttpServer({ host: '127.0.0.1', port: 0, handler, settingNames: { host: 'HOST', port: 'PORT' } });
  await server.start();
  return { url: server.url, close: () => server.stop() };
}
