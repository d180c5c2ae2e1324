/** Where CouchDB does not tell which databases were changed, they are looked at. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ChangeBell } from '../../../server/store/change-bell.js';
import { CouchClient } from '../../../server/store/couch-client.js';
import { CouchUpdates } from '../../../server/store/couch-updates.js';
import { silentLogger } from '../../../shared/logger.js';
import { waitFor } from '../../support/wait-for.js';

describe('waiting before a CouchDB without _db_updates', () => {
  it('finds a change by looking at the databases that are waited for, and at no other', async () => {
    let position = '1-a';
    const asked: string[][] = [];
    const server = http.createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      request.once('end', () => {
        const isLook = request.url === '/_dbs_info';
        const { keys = [] } = (isLook ? JSON.parse(text) : {}) as { keys?: string[] };
        if (isLook) asked.push(keys);
        const infos = keys.map((key) => ({ key, info: { update_seq: position } }));
        response.writeHead(isLook ? 200 : 404, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify(isLook ? infos : { error: 'not_found', reason: 'Database does not exist.' }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new CouchClient({ url, user: undefined, password: undefined, prefix: 'p-' });
    const bell = new ChangeBell();
    const updates = new CouchUpdates({ client, bell, log: silentLogger(), firstDelayMs: 50, lookEveryMs: 20 });
    const givenUp = new AbortController();
    try {
      let checks = 0;
      let hasChanged = false;
      const waiting = bell.wait('registry-kano', givenUp.signal, async () => {
        checks++;
        return hasChanged;
      });
      updates.start();
      await waitFor(async () => asked.length > 3, { what: 'the databases to be looked at' });
      // Asked at first, and when it was first looked at.
      expect(checks).to.equal(2);
      hasChanged = true;
      position = '2-b';
      expect(await waiting).to.equal(true);
      expect(new Set(asked.flat())).to.deep.equal(new Set(['p-registry-kano']));
    } finally {
      givenUp.abort();
      client.close();
      await updates.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
