import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { daysAgo, keeperOverShelf, MB, type ShelfUnderTest } from '../ledger/fake-shelf.js';
import { type CleanupServer, serveCleanup } from './cleanup-server.js';
import { ask } from './node-client.js';

describe('POST /v1/cleanup', () => {
  let test: ShelfUnderTest;
  let server: CleanupServer;
  beforeEach(async () => {
    test = keeperOverShelf();
    server = await serveCleanup(test.keeper);
    test.shelf.add(2 * MB, { sealedAt: daysAgo(8), confirmedAt: daysAgo(0) });
    test.shelf.add(3 * MB, { confirmedAt: daysAgo(0) });
    test.shelf.add(4 * MB);
  });
  afterEach(() => server.close());

  const cleanup = (body?: string) =>
    ask(`${server.url}/v1/cleanup`, {
      method: 'POST',
      ...(body === undefined ? {} : { body, headers: { 'Content-Type': 'application/json' } }),
    });

  for (const body of [undefined, '{}', '{"allConfirmed":false}']) {
    it(`applies the rules and tells what that freed and what is kept (${body ?? 'no body'})`, async () => {
      const { status, text } = await cleanup(body);
      expect([status, JSON.parse(text)]).to.deep.equal([
        200,
        {
          ...{ segments: 1, documents: 100, bytes: 2 * MB, usedBytes: 7 * MB },
          kept: { unconfirmed: 1, notDue: 1, open: 1 },
        },
      ]);
      expect(test.shelf.dropped).to.deep.equal([1]);
    });
  }

  it('with allConfirmed deletes everything the centre has confirmed, and nothing else', async () => {
    const { status, text } = await cleanup('{"allConfirmed":true}');
    expect([status, JSON.parse(text).kept]).to.deep.equal([200, { unconfirmed: 1, notDue: 0, open: 1 }]);
    expect(test.shelf.dropped).to.deep.equal([1, 2]);
  });

  for (const [body, message] of [
    ['{"allConfirmed":"yes"}', 'allConfirmed must be a boolean'],
    ['{"all":true}', 'all is not known here'],
    ['[]', 'the request body is not a JSON object'],
  ] as const) {
    it(`refuses ${body} and deletes nothing`, async () => {
      const answer = await cleanup(body);
      expect(answer.status).to.equal(400);
      expect(answer.body.error).to.include({ code: 'invalid_request', message });
      expect(test.shelf.dropped).to.deep.equal([]);
    });
  }
});
