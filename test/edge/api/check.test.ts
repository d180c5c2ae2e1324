import { expect } from 'chai';
import express from 'express';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { checkRoutes } from '../../../edge/api/check.js';
import { AppError } from '../../../shared/app-error.js';
import { errorHandler } from '../../../shared/http/errors.js';
import { HttpServer } from '../../../shared/http/server.js';
import { silentLogger } from '../../../shared/logger.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { openStore, type Store } from '../ledger/store-under-test.js';
import { ask } from './node-client.js';

describe('POST /v1/check and /v1/repair', () => {
  let store: Store;
  let server: HttpServer;
  let verify: () => Promise<void>;
  let stopping: AbortController;
  let verified: number;

  afterEach(async () => {
    await server.stop();
    await store.close();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    verify = async () => undefined;
    verified = 0;
    stopping = new AbortController();
    store = await openStore({ folder: folder.path });
    const quarantine = {
      verify: () => {
        verified++;
        return verify();
      },
    };
    const handler = express();
    const parts = { ...store, quarantine, stopping: stopping.signal };
    handler.use('/v1', checkRoutes(parts as unknown as Parameters<typeof checkRoutes>[0]));
    handler.use(errorHandler(silentLogger()));
    server = new HttpServer({ host: '127.0.0.1', port: 0, handler, settingNames: { host: 'HOST', port: 'PORT' } });
    await server.start();
  });

  const request = async (path: string) => {
    const { status, text, headers } = await ask(`${server.url}${path}`, { method: 'POST' });
    return {
      status,
      text,
      headers,
      lines: () =>
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
    };
  };

  it('runs one at a time: another caller is told that it is busy, and let in afterwards', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    verify = () => gate;
    const first = request('/v1/check');
    await waitFor(() => verified === 1, { what: 'the first check to be under way' });
    for (const path of ['/v1/check', '/v1/repair']) {
      const { status, text, headers } = await request(path);
      expect([status, headers.get('retry-after')]).to.deep.equal([503, '10']);
      expect(JSON.parse(text).error).to.include({ code: 'busy', message: 'the store is being checked already' });
    }
    open();
    expect((await first).lines().at(-1)).to.include({ event: 'done', ok: true });
    expect((await request('/v1/repair')).lines().at(-1)).to.include({ event: 'done', ok: true, repaired: 0 });
  });

  it('answers NDJSON, and says what of the bookkeeping cannot be read', async () => {
    verify = async () => {
      throw new AppError('storage_failed', '3 documents in quarantine cannot be read');
    };
    const { status, headers, lines } = await request('/v1/check');
    expect([status, headers.get('content-type')]).to.deep.equal([200, 'application/x-ndjson']);
    expect(lines().map(({ event }) => event)).to.deep.equal(['segment', 'bookkeeping', 'done']);
    expect(lines()[1]).to.deep.equal({
      ...{ event: 'bookkeeping', state: 'readable', ok: false },
      quarantine: '3 documents in quarantine cannot be read',
    });
    expect(lines()[2]).to.include({ ok: false, segments: 1, damaged: 0 });
  });

  it('ends when the caller is gone, and lets the next one in', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    verify = () => gate;
    const gone = new AbortController();
    const first = fetch(`${server.url}/v1/check`, { method: 'POST', signal: gone.signal }).catch(() => undefined);
    await waitFor(() => verified === 1, { what: 'the check to be under way' });
    gone.abort();
    await first;
    open();
    await waitFor(async () => (await request('/v1/check')).status === 200, { what: 'the next check to be let in' });
  });

  it('does not begin while the node is stopping, and says so when it stops in between', async () => {
    verify = async () => stopping.abort();
    const { lines } = await request('/v1/check');
    expect(lines().at(-1)).to.deep.include({ ok: false, error: { code: 'busy', message: 'the node is stopping' } });
    expect((await request('/v1/check')).status).to.equal(503);
  });

  it('is only posted to', async () => {
    expect((await ask(`${server.url}/v1/check`)).status).to.equal(405);
  });
});
