/** The requests a push is made of, each as a rule of the fault proxy and with what must come before it. */
import type { ProxiedRequest, Rule } from '../support/fault-proxy.js';
import { faults } from '../support/fault-proxy.js';

export interface PushStep {
  title: string;
  is(request: ProxiedRequest): boolean;
  /** A centre that does not say it is a gateway is treated as a plain CouchDB, and what it took is read back. */
  asPlainCouchDb?: boolean;
  /**
   * Something must be in doubt, or this step is not taken: the checkpoint of the push before is kept from being
   * written.
   */
  afterLostCheckpoint?: boolean;
}

const isLocal = (method: string) => (request: ProxiedRequest) =>
  request.method === method && request.path.startsWith('/telemetry/_local/');
const isPost = (path: string) => (request: ProxiedRequest) =>
  request.method === 'POST' && request.path === `/telemetry/${path}`;

export const STEPS: readonly PushStep[] = [
  { title: 'GET /', is: ({ method, path }) => method === 'GET' && path === '/' },
  { title: 'GET _local', is: isLocal('GET') },
  { title: 'PUT _local', is: isLocal('PUT') },
  { title: 'POST _revs_diff', is: isPost('_revs_diff'), afterLostCheckpoint: true },
  { title: 'POST _bulk_docs', is: isPost('_bulk_docs') },
  { title: 'POST _bulk_docs to a plain CouchDB', is: isPost('_bulk_docs'), asPlainCouchDb: true },
  { title: 'POST _revs_diff reading back from a plain CouchDB', is: isPost('_revs_diff'), asPlainCouchDb: true },
];

/** Shows a gateway as a plain CouchDB, and applies `rule` to everything else. */
export function asPlainCouchDb(uuid: string, rule: Rule): Rule {
  return (request) =>
    request.path === '/' ? faults.json(200, { couchdb: 'Welcome', version: '3.5.0', uuid }) : rule(request);
}
