/** A secure connection that cannot be made is said to be just that, and nothing is sent over it. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { anyVillage } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { useTempFolder } from '../support/temp-folder.js';
import { selfSigned } from './self-signed.js';

describe('a centre without a trusted certificate', () => {
  let site: EdgeSite | undefined;
  let server: http.Server | undefined;
  let requests = 0;
  afterEach(async () => {
    await site?.stop();
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  });
  const folder = useTempFolder();

  const count: http.RequestListener = (_request, response) => {
    requests++;
    response.end('{}');
  };

  for (const [title, create] of [
    ['signed by itself', () => https.createServer(selfSigned('localhost'), count)],
    ['that does not speak TLS at all', () => http.createServer(count)],
  ] as const) {
    it(`is a TLS_ERROR: ${title}`, async () => {
      const listening = create();
      server = listening;
      await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
      const API_URL = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
      site = await EdgeSite.start(anyVillage(), folder.path, { API_URL, CENTRAL_PASSWORD: 'secret' });
      await site.post(readings(3));
      const { result } = await site.replicate();
      expect(result).to.include({ ok: false, sent: 0, pending: 4 });
      expect(result.error).to.include({ tag: 'TLS_ERROR', retryable: true });
      expect((await site.status()).link).to.deep.include({ state: 'offline' });
      expect(requests).to.equal(0);
    });
  }
});
