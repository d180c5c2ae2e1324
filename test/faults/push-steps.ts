/** The requests a push is made of, each as a rule of the fault proxy and with what must come before it. */
import type { ProxiedRequest, Rule } from '../support/fault-proxy.js';
import { faults } from '../support/fault-proxy.js';

export interface PushStep {
  title: string;
  is(request: ProxiedRequest): boolean;
  /** A centre that does not say it is a gateway is treated as a plain CouchDB, and what it took is read back. */
  asPlainCouchDb?: boolean;
  /** Everything is there already when it is taken: that it failed is told, and the next attempt does without it. */
  isEconomy?: boolean;
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

const isDatabase = ({ method, path }: ProxiedRequest) => method === 'GET' && path === '/telemetry';
const isReceipt = ({ method, path }: ProxiedRequest) => method === 'GET' && path.startsWith('/telemetry/_receipt');

export const STEPS: readonly PushStep[] = [
  { title: 'GET /', is: ({ method, path }) => method === 'GET' && path === '/' },
  { title: 'GET _receipt', is: isReceipt },
  { title: 'GET _local', is: isLocal('GET'), isEconomy: true },
  { title: 'PUT _local', is: isLocal('PUT'), isEconomy: true },
  { title: 'POST _bulk_docs', is: isPost('_bulk_docs') },
  { title: 'GET telemetry of a plain CouchDB', is: isDatabase, asPlainCouchDb: true },
  { title: 'GET _local of a plain CouchDB', is: isLocal('GET'), asPlainCouchDb: true },
  { title: 'PUT _local of a plain CouchDB', is: isLocal('PUT'), asPlainCouchDb: true, isEconomy: true },
  {
    title: 'POST _revs_diff to a plain CouchDB',
    is: isPost('_revs_diff'),
    asPlainCouchDb: true,
    afterLostCheckpoint: true,
  },
  { title: 'POST _bulk_docs to a plain CouchDB', is: isPost('_bulk_docs'), asPlainCouchDb: true },
  { title: 'POST _revs_diff reading back from a plain CouchDB', is: isPost('_revs_diff'), asPlainCouchDb: true },
];

/** Shows a gateway as a plain CouchDB, and applies `rule` to everything else. */
export function asPlainCouchDb(uuid: string, rule: Rule): Rule {
  return (request) =>
    request.path === '/' ? faults.json(200, { couchdb: 'Welcome', version: '3.5.0', uuid }) : rule(request);
}
