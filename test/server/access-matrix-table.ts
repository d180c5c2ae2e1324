/**
 * Who may do what at the centre: one row for each route, one entry for each of its methods. What is not written here is not
 * granted. A new route needs a row before the matrix passes again.
 */
import { reading } from './support/documents.js';

export const ROLES = ['nobody', 'wrong', 'disabled', 'village', 'other', 'analyst', 'admin'] as const;
/**
 * `wrong`: a credential that is none; `disabled`: the right one of a village that was disabled; `other`: another village,
 * which asks for what is `village`'s.
 */
export type RoleName = (typeof ROLES)[number];

export interface Grant {
  to: readonly RoleName[];
  /** Statuses that show that it was granted. */
  answers?: readonly number[];
  query?: string;
  body?: object;
  /** What another village must get instead of an answer about the village. */
  othersSee?: Record<string, unknown> | readonly unknown[];
}

export interface Row {
  /** What stands for the parameters of the path. */
  parameters?: Readonly<Record<string, string>>;
  methods: Readonly<Record<string, Grant>>;
}

const EVERYBODY = ROLES;
const VILLAGES = ['village', 'other'] as const;
const READERS = ['analyst', 'admin'] as const;
const ADMIN = ['admin'] as const;

/** The village whose data must stay its own, and a text that only its documents hold. */
export const VILLAGE = 'kano';
export const SECRET = 'only-kano-knows';

/** Held before anybody asks. */
export const HELD = [0, 1, 2].map((n) => reading(VILLAGE, n, { note: SECRET }));
/** Held by nobody: whoever gets it stored has written. */
export const UNHELD = reading(VILLAGE, 50, { note: SECRET });

/** A document of its registry, held before anybody asks, and one that is not. */
export const REGISTERED = { _id: 'device:m1', _rev: '1-aa', note: SECRET };
export const UNREGISTERED = { _id: 'device:m2', _rev: '1-aa', note: SECRET };

const ID = { id: VILLAGE };
const REGISTRY = { village: VILLAGE };
/** Another village's registry does not exist. */
const OWNER = ['village'] as const;
const PARTITION = { village: VILLAGE };
const DOCUMENT = { village: VILLAGE, type: 'device', id: 'm1' };
const DEVICE = { model: 'DDS-1', serial: 'A1', role: 'customer', note: SECRET };
/** Answers of what a store cannot do, to whom it would be granted. */
const ONLY_COUCHDB = [200, 501];

export const TABLE: Readonly<Record<string, Row>> = {
  '/healthz': { methods: { GET: { to: EVERYBODY } } },
  '/readyz': { methods: { GET: { to: EVERYBODY } } },
  '/openapi.json': { methods: { GET: { to: EVERYBODY } } },
  // From loopback without a token; `metrics.test.ts` shows who else may.
  // Pages and their files hold no data; the login gives a cookie for a token and for nothing else.
  '/dashboard': { methods: { GET: { to: EVERYBODY } } },
  '/dashboard/login': { methods: { POST: { to: EVERYBODY, answers: [401, 429] } } },
  '/dashboard/logout': { methods: { POST: { to: EVERYBODY, answers: [303] } } },
  '/dashboard/:version/*name': {
    parameters: { version: '0123456789abcdef', name: 'base.css' },
    methods: { GET: { to: EVERYBODY, answers: [404] } },
  },
  '/metrics': { methods: { GET: { to: EVERYBODY } } },
  '/': { methods: { GET: { to: [...VILLAGES, ...READERS] } } },
  '/telemetry': { methods: { GET: { to: VILLAGES }, PUT: { to: VILLAGES, answers: [412] } } },
  '/telemetry/_revs_diff': {
    methods: {
      POST: {
        to: VILLAGES,
        body: Object.fromEntries(HELD.map(({ _id, _rev }) => [_id, [_rev]])),
        othersSee: Object.fromEntries(HELD.map(({ _id, _rev }) => [_id, { missing: [_rev] }])),
      },
    },
  },
  '/telemetry/_bulk_docs': {
    methods: {
      POST: {
        to: VILLAGES,
        body: { docs: [UNHELD], new_edits: false },
        othersSee: [{ id: UNHELD._id, error: 'forbidden', reason: 'is not a document of the village kaduna' }],
      },
    },
  },
  '/telemetry/_receipt': {
    methods: { GET: { to: VILLAGES, query: 'node=node1&from=1&to=3', othersSee: { count: 0, checksum: 0 } } },
  },
  '/telemetry/_local/:id': {
    parameters: { id: 'kept' },
    methods: {
      GET: { to: VILLAGES, answers: [200, 404], othersSee: { error: 'not_found', reason: 'missing' } },
      PUT: { to: VILLAGES, answers: [201, 409], body: { note: 'another' } },
      DELETE: { to: VILLAGES, answers: [200, 404, 409] },
    },
  },
  '/registry-:village': {
    parameters: REGISTRY,
    methods: { GET: { to: OWNER }, PUT: { to: OWNER, answers: [412] } },
  },
  '/registry-:village/_changes': { parameters: REGISTRY, methods: { GET: { to: OWNER, query: 'include_docs=true' } } },
  '/registry-:village/_revs_diff': {
    parameters: REGISTRY,
    methods: { POST: { to: OWNER, body: { [REGISTERED._id]: [REGISTERED._rev] } } },
  },
  '/registry-:village/_bulk_get': {
    parameters: REGISTRY,
    methods: { POST: { to: OWNER, body: { docs: [{ id: REGISTERED._id }] } } },
  },
  '/registry-:village/_bulk_docs': {
    parameters: REGISTRY,
    methods: { POST: { to: OWNER, body: { docs: [UNREGISTERED], new_edits: false } } },
  },
  '/registry-:village/_ensure_full_commit': { parameters: REGISTRY, methods: { POST: { to: OWNER } } },
  '/registry-:village/_local/:id': {
    parameters: { ...REGISTRY, id: 'kept' },
    methods: {
      GET: { to: OWNER, answers: [200, 404] },
      PUT: { to: OWNER, answers: [201, 409], body: { note: 'another' } },
      DELETE: { to: OWNER, answers: [200, 404, 409] },
    },
  },
  '/registry-:village/:id': {
    parameters: { ...REGISTRY, id: REGISTERED._id },
    methods: { GET: { to: OWNER, query: 'open_revs=all' } },
  },
  '/telemetry/_partition/:village/_all_docs': { parameters: PARTITION, methods: { GET: { to: READERS } } },
  '/telemetry/_partition/:village/_find': {
    parameters: PARTITION,
    methods: { POST: { to: READERS, answers: ONLY_COUCHDB, body: { selector: {} } } },
  },
  '/telemetry/_partition/:village/_design/:design/_view/:view': {
    parameters: { ...PARTITION, design: 'receipts-1', view: 'numbers' },
    methods: { GET: { to: READERS, answers: ONLY_COUCHDB } },
  },
  '/telemetry/_design/:design/_view/:view': {
    parameters: { design: 'receipts-1', view: 'numbers' },
    // CouchDB has the receipts' view by partition alone, and says so with a 400.
    methods: { GET: { to: READERS, answers: [400, 501] } },
  },
  '/v1/villages': {
    methods: { GET: { to: READERS }, POST: { to: ADMIN, answers: [201, 409], body: { id: 'intruder' } } },
  },
  '/v1/villages/:id': { parameters: ID, methods: { GET: { to: READERS } } },
  '/v1/villages/:id/rotate': { parameters: ID, methods: { POST: { to: ADMIN } } },
  '/v1/villages/:id/disable': { parameters: ID, methods: { POST: { to: ADMIN } } },
  '/v1/villages/:id/readings': { parameters: ID, methods: { GET: { to: READERS } } },
  '/v1/villages/:id/predictions': { parameters: ID, methods: { GET: { to: READERS } } },
  '/v1/villages/:id/contacts': { parameters: ID, methods: { GET: { to: READERS } } },
  '/v1/villages/:id/devices': { parameters: ID, methods: { GET: { to: READERS } } },
  '/v1/villages/:id/energy': {
    parameters: ID,
    methods: { GET: { to: READERS, query: 'from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z&step=hour' } },
  },
  '/v1/villages/:village/registry': { parameters: DOCUMENT, methods: { GET: { to: READERS } } },
  '/v1/villages/:village/registry/:type': { parameters: DOCUMENT, methods: { GET: { to: READERS } } },
  '/v1/villages/:village/registry/:type/:id': {
    parameters: DOCUMENT,
    methods: {
      GET: { to: READERS },
      // Without the revision that is meant.
      PUT: { to: ADMIN, answers: [428], body: { ...DEVICE, model: 'another' } },
      DELETE: { to: ADMIN, answers: [428] },
    },
  },
  '/v1/villages/:village/registry/:type/:id/history': { parameters: DOCUMENT, methods: { GET: { to: READERS } } },
  '/v1/villages/:village/history': { parameters: DOCUMENT, methods: { GET: { to: READERS } } },
  '/v1/villages/:village/conflicts/:type/:id': {
    parameters: DOCUMENT,
    // There is none.
    methods: { POST: { to: ADMIN, answers: [404], body: { doc: DEVICE } } },
  },
  '/v1/registry/:type/:id': {
    parameters: { type: 'device', id: 'pushed' },
    methods: { POST: { to: ADMIN, body: { villages: [VILLAGE], doc: DEVICE } } },
  },
  '/v1/conflicts': { methods: { GET: { to: READERS } } },
  '/v1/changes': { methods: { GET: { to: READERS } } },
  '/v1/alerts': { methods: { GET: { to: READERS } } },
  '/v1/alerts/history': { methods: { GET: { to: READERS } } },
  '/v1/completeness': { methods: { GET: { to: READERS, query: 'from=2026-03-01&to=2026-03-03' } } },
};

/** Paths below which something other than a route or a router answers. */
export const MIDDLEWARE: ReadonlySet<string> = new Set([
  '/',
  '/telemetry',
  '/registry-:village',
  '/v1',
  '/v1/villages',
  '/v1/registry',
  '/v1/conflicts',
  '/v1/changes',
  '/v1/alerts',
  '/v1/completeness',
]);
