/** Every documented example is sent to the running program, and what is answered is what is documented. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { EDGE_OPERATIONS, edgeOpenApi } from '../../edge/api/openapi.js';
import { CENTRAL_OPERATIONS, centralOpenApi } from '../../server/openapi.js';
import { startNode } from '../edge/api/node-under-test.js';
import { basic } from '../server/support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../server/support/stores.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { DocumentedApi, type DocumentedOperation, type DocumentedRequest, requestsOf } from './documented-api.js';
import { DocumentedSite } from './documented-site.js';

interface Answered {
  status: number;
  type: string;
  text: string;
  headers: Headers;
}

async function send(base: string, request: DocumentedRequest, headers: Record<string, string> = {}): Promise<Answered> {
  const { method, path, body } = request;
  const given = body === undefined ? {} : { body };
  const sent = { ...request.headers, ...headers };
  const response = await fetch(base + path, { method, headers: sent, ...given, redirect: 'manual' });
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  const text = type === 'text/event-stream' ? await beginOf(response) : await response.text();
  return { status: response.status, type, text, headers: response.headers };
}

/** Of an answer without an end. */
async function beginOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return new TextDecoder().decode(first?.value);
}

/** The revision that an example names is not the one that is there: the present one stands in for it. */
async function withPresentTag(base: string, request: DocumentedRequest, login: Record<string, string>) {
  if (request.headers['If-Match'] === undefined) return request;
  const document = request.path.replace('/conflicts/', '/registry/');
  const there = await fetch(base + document, { headers: login });
  await there.arrayBuffer();
  return { ...request, headers: { ...request.headers, 'If-Match': there.headers.get('etag') ?? 'none' } };
}

/** Of operations that answer otherwise where what they need is not there. */
const ALSO: Record<string, number[]> = {
  // No token that a document could name is one of the centre's.
  logIn: [401],
  partitionFind: [501],
  partitionView: [404, 501],
  globalView: [404, 501],
};

async function tryExamples(
  api: DocumentedApi,
  operation: DocumentedOperation,
  { url, login }: { url: string; login: Record<string, string> },
): Promise<void> {
  for (const documented of requestsOf(operation)) {
    const answer = await send(url, await withPresentTag(url, documented, login), login);
    const what = `${operation.operationId} ${documented.name}: ${answer.status} ${answer.text.slice(0, 500)}`;
    expect([...documented.statuses, ...(ALSO[operation.operationId] ?? [])], what).to.include(answer.status);
    expect(api.answerFault(operation, answer), what).to.equal(undefined);
  }
}

/** Whether the operation may be asked without a login. */
function isOpen({ security }: DocumentedOperation): boolean {
  return security.length === 0 || security.some((one) => Object.keys(one).length === 0);
}

for (const kind of STORES) {
  describe(`the documented examples, with a centre on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    const node = new DocumentedApi(edgeOpenApi());
    const central = new DocumentedApi(centralOpenApi());
    let site: DocumentedSite;

    before(async () => {
      site = await DocumentedSite.start(kind);
      await site.deliverDay();
    });
    after(() => site.stop());

    const loginFor = ({ security }: DocumentedOperation): Record<string, string> => {
      const { centre, village } = site;
      if (security.length === 0) return {};
      if (security.some((one) => 'token' in one)) return { Authorization: `Bearer ${centre.tokens.admin}` };
      return { Authorization: basic(village.id, village.password) };
    };

    for (const { id } of CENTRAL_OPERATIONS) {
      it(`${id}: the centre answers as its document says`, async () => {
        const operation = central.operation(id);
        await tryExamples(central, operation, { url: site.centre.url, login: loginFor(operation) });
      });
    }

    it('no operation of the centre that needs a login answers without one, and says so as documented', async () => {
      for (const operation of central.operations.filter((one) => !isOpen(one))) {
        const [request] = requestsOf(operation);
        if (!request) throw new Error(`${operation.operationId} has no request`);
        const answer = await send(site.centre.url, request);
        expect(answer.status, operation.operationId).to.equal(401);
        expect(central.answerFault(operation, answer), operation.operationId).to.equal(undefined);
      }
    });

    if (kind !== 'embedded') return;
    describe('at the node', () => {
      let own: DocumentedSite;
      before(async () => {
        own = await DocumentedSite.start(kind);
      });
      after(() => own.stop());

      for (const { id } of EDGE_OPERATIONS) {
        it(`${id}: the node answers as its document says`, () =>
          tryExamples(node, node.operation(id), { url: own.nodeUrl, login: {} }));
      }
    });

    it('no operation of a node with a token answers without it but the probes, and says so as documented', async () => {
      const folder = await createTempFolder();
      const guarded = await startNode(folder, { EDGE_TOKEN: 'a-token-for-tests-0123456789' });
      try {
        for (const operation of node.operations.filter(({ security }) => security.length > 0)) {
          const [request] = requestsOf(operation);
          if (!request) throw new Error(`${operation.operationId} has no request`);
          const answer = await send(guarded.url, request);
          expect(answer.status, operation.operationId).to.equal(401);
          expect(node.answerFault(operation, answer), operation.operationId).to.equal(undefined);
        }
      } finally {
        await guarded.stop();
        await removeFolder(folder);
      }
    });
  });
}
