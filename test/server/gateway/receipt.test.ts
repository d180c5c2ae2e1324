/** `GET /telemetry/_receipt` as a node asks for it, on every store. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { after, before, describe, it } from 'mocha';
import type { GatewayContext } from '../../../server/gateway/gateway-context.js';
import { receiptHandler } from '../../../server/gateway/receipt.js';
import type { CentralStore } from '../../../server/store/contract.js';
import { addToReceipt, EMPTY_RECEIPT } from '../../../shared/receipt.js';
import { waitFor } from '../../support/wait-for.js';
import { Centre, type VillageLogin } from '../support/centre.js';
import { event, prediction, readings, type Sent } from '../support/documents.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

const receiptOf = (documents: readonly Sent[]) =>
  documents.reduce((receipt, one) => addToReceipt(receipt, one._rev), EMPTY_RECEIPT);

for (const kind of STORES) {
  describe(`the gateway's receipts before the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let kano: VillageLogin;
    let kaduna: VillageLogin;

    before(async () => {
      centre = await Centre.start(kind);
      kano = await centre.addVillage('Kano');
      kaduna = await centre.addVillage('kaduna');
    });
    after(() => centre.stop());

    const ask = (query: string, village = kano, init: RequestInit = {}) =>
      centre.as(village, `/telemetry/_receipt?${query}`, init);

    it('prove what a village sent, to that village alone', async () => {
      const documents = [...readings('kano', 30), prediction('kano', 30), event('kano', 31)];
      await centre.push(kano, documents);
      const all = await ask('node=node1&from=1&to=9007199254740991');
      expect(all.status).to.equal(200);
      expect(await all.json()).to.deep.equal(receiptOf(documents));
      expect(await (await ask('node=node1&from=5&to=30')).json()).to.deep.equal(receiptOf(documents.slice(4, 30)));
      expect(await (await ask('node=node1&from=33&to=33')).json()).to.deep.equal(EMPTY_RECEIPT);
      expect(await (await ask('node=node1&from=1&to=100', kaduna)).json()).to.deep.equal(EMPTY_RECEIPT);
    });

    it('are announced to whoever asks what this is', async () => {
      const { features } = (await (await centre.as(kano, '/')).json()) as { features: string[] };
      expect(features).to.include('receipts');
    });

    it('refuse what is no range of numbers, in one sentence that names it', async () => {
      const bad = [
        ['from=1&to=2', 'node'],
        ['node=abc&from=1&to=2', 'node'],
        ['node=NODE1&from=1&to=2', 'node'],
        ['node=node1&node=node2&from=1&to=2', 'node'],
        ['node[]=node1&from=1&to=2', 'node'],
        ['node=node1:e&from=1&to=2', 'node'],
        ['node=node1&to=2', 'from'],
        ['node=node1&from=0&to=2', 'from'],
        ['node=node1&from=01&to=2', 'from'],
        ['node=node1&from=1.5&to=2', 'from'],
        ['node=node1&from=1e2&to=200', 'from'],
        ['node=node1&from=-1&to=2', 'from'],
        ['node=node1&from=1&to=', 'to'],
        ['node=node1&from=1&to=9007199254740992', 'to'],
        ['node=node1&from=1&to=99999999999999999999', 'to'],
        ['node=node1&from=3&to=2', 'from'],
      ] as const;
      for (const [query, name] of bad) {
        const response = await ask(query);
        expect(response.status, query).to.equal(400);
        const { error, reason } = (await response.json()) as { error: string; reason: string };
        expect(error).to.equal('bad_request');
        expect(reason, query).to.match(new RegExp(`^${name} must .+[^\\n]$`));
      }
    });

    it('are for villages only, and only to be read', async () => {
      const path = '/telemetry/_receipt?node=node1&from=1&to=2';
      expect((await centre.anonymous(path)).status).to.equal(401);
      expect((await centre.as({ ...kano, password: 'wrong' }, path)).status).to.equal(401);
      expect((await centre.analyst(path)).status).to.equal(403);
      expect((await centre.admin(path)).status).to.equal(403);
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const response = await ask('node=node1&from=1&to=2', kano, { method });
        expect(response.status, method).to.equal(405);
        expect(response.headers.get('allow')).to.equal('GET, HEAD');
      }
    });
  });
}

describe('a receipt nobody waits for any more', () => {
  it('is called off in the store', async () => {
    let asked: AbortSignal | undefined;
    const receipt: CentralStore['receipt'] = (_village, _node, _from, _to, signal) => {
      asked = signal;
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', reject));
    };
    const handler = receiptHandler({ store: () => ({ receipt }) } as unknown as GatewayContext);
    const app = express().use((_request, response, next) => {
      response.locals.caller = { role: 'village', village: 'kano' };
      next();
    }, handler);
    app.use(
      (_error: unknown, _request: express.Request, _response: express.Response, _next: express.NextFunction) => {},
    );
    const server = http.createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const leaving = new AbortController();
      const query = 'node=node1&from=1&to=9';
      const answer = fetch(`http://127.0.0.1:${port}/?${query}`, { signal: leaving.signal }).catch(() => undefined);
      await waitFor(() => asked !== undefined, { what: 'the store to be asked' });
      expect(asked?.aborted).to.equal(false);
      leaving.abort();
      await answer;
      await waitFor(() => asked?.aborted, { what: 'the store to be told' });
    } finally {
      server.close();
    }
  });
});
