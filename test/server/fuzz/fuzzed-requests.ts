/** One fuzzed request after the other, each from a random stream of its own, so that one can be played again alone. */
import type { SeededRandom } from '../../../sim/random.js';
import { type Bombs, headerText, largeText, pack } from './fuzzed-bodies.js';
import { nearlyDocument, properDocument } from './fuzzed-documents.js';
import { registryEditDraft } from './fuzzed-registry-edits.js';
import { encoded, textOf } from './fuzzed-text.js';
import { hostileText, hostileValue, pick, randomBytes } from './hostile-values.js';

export type Asker = 'village' | 'analyst' | 'admin' | 'nobody' | 'wrong';

export interface FuzzedRequest {
  method: string;
  /** As it goes on the wire. */
  path: string;
  as: Asker;
  /** The village that asks, and whose paths are used. */
  village: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  /** What the receiver can get out of the body, where that is text at all. */
  plain: string | undefined;
}

type Draft = Pick<FuzzedRequest, 'method' | 'path' | 'as'> & { text?: string };

/** The `index`-th request of a campaign. */
export function fuzzedRequest(random: SeededRandom, village: string, index: number, bombs: Bombs): FuzzedRequest {
  const draft = draftOf(random, village, index);
  if (random.chance(0.03)) draft.as = pick(random, ['nobody', 'wrong', 'village', 'analyst', 'admin']);
  if (random.chance(0.01)) draft.method = pick(random, ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']);
  const headers: Record<string, string> = { Prefer: 'return=representation' };
  if (random.chance(0.02))
    headers[pick(random, ['Accept', 'Accept-Encoding', 'Prefer', 'If-Match'])] = headerText(random);
  const common = { method: draft.method, path: draft.path, as: draft.as, village };
  if (draft.text === undefined) return { ...common, headers, body: undefined, plain: undefined };
  if (random.chance(0.0003)) {
    const bomb = bombs.any(random);
    return { ...common, headers: { ...headers, ...bomb.headers }, body: bomb.bytes, plain: undefined };
  }
  const utf8 = Buffer.from(random.chance(0.0001) ? largeText(random) : draft.text, 'utf8');
  const isBytes = random.chance(0.02);
  const packed = pack(random, isBytes ? randomBytes(random) : utf8);
  return {
    ...common,
    headers: { ...headers, ...packed.headers },
    body: packed.bytes,
    // As it arrives: half a character pair is another character by then.
    plain: packed.isWhole && !isBytes ? utf8.toString('utf8') : undefined,
  };
}

function draftOf(random: SeededRandom, village: string, index: number): Draft {
  const kind = random.integer(0, 99);
  if (kind < 48)
    return { method: 'POST', path: '/telemetry/_bulk_docs', as: 'village', text: bulkText(random, village) };
  if (kind < 60)
    return { method: 'POST', path: '/telemetry/_revs_diff', as: 'village', text: diffText(random, village) };
  if (kind < 72) return localDraft(random, index);
  if (kind < 78) return { method: 'GET', path: `/telemetry/_receipt${receiptQuery(random)}`, as: 'village' };
  if (kind < 84) return villageDraft(random, index);
  if (kind < 88) return listDraft(random, village);
  if (kind < 91) return registryEditDraft(random, village);
  if (kind < 94) return queryDraft(random, village);
  if (kind < 97) return registryDraft(random, village);
  const method = pick(random, ['GET', 'POST', 'PUT', 'DELETE']);
  return { method, path: oddPath(random), as: pick(random, ['village', 'analyst', 'admin']), text: '{}' };
}

function bulkText(random: SeededRandom, village: string): string {
  const docs = Array.from({ length: random.integer(0, 8) }, () =>
    random.chance(0.3) ? properDocument(random, village) : nearlyDocument(random, village),
  );
  if (random.chance(0.1) && docs[0] !== undefined) docs.push(docs[0]);
  if (random.chance(0.05)) return textOf(random, { docs: hostileValue(random), new_edits: hostileValue(random) });
  return textOf(random, { docs, new_edits: false });
}

function diffText(random: SeededRandom, village: string): string {
  const entries = Array.from({ length: random.integer(0, 8) }, (): [string, unknown] => {
    const { _id, _rev } = properDocument(random, random.chance(0.2) ? 'witness' : village);
    const id = random.chance(0.3) ? `${village}:${hostileText(random)}` : _id;
    return [id, random.chance(0.8) ? [_rev, hostileText(random)] : hostileValue(random)];
  });
  return textOf(random, Object.fromEntries(entries));
}

function localDraft(random: SeededRandom, index: number): Draft {
  // Each name is used once, so that what is there in the end is known.
  const name = `n${index}${random.chance(0.4) ? hostileText(random) : ''}`;
  const path = `/telemetry/_local/${random.chance(0.8) ? encoded(name) : `${index}${oddPath(random)}`}`;
  const method = pick(random, ['GET', 'PUT', 'PUT', 'PUT', 'DELETE']);
  const query = random.chance(0.1) ? `?rev=${encoded(hostileText(random))}` : '';
  if (method !== 'PUT') return { method, path: path + query, as: 'village' };
  const body = random.chance(0.5) ? { last_seq: index, history: [{ a: hostileText(random) }] } : hostileValue(random);
  return { method, path: path + query, as: 'village', text: textOf(random, body) };
}

function registryDraft(random: SeededRandom, village: string): Draft {
  const whose = encoded(random.chance(0.8) ? village : pick(random, ['witness', hostileText(random)]));
  const id = random.chance(0.6) ? `device:m${random.integer(1, 20)}` : hostileText(random);
  const document = {
    _id: id,
    _rev: random.chance(0.8) ? `1-${random.integer(0, 255).toString(16)}` : hostileText(random),
    [hostileText(random)]: hostileValue(random),
    ...(random.chance(0.2) ? { _revisions: hostileValue(random) } : {}),
    ...(random.chance(0.2) ? { edits: hostileValue(random) } : {}),
  };
  const asked = { docs: random.chance(0.8) ? [{ id, rev: document._rev }] : hostileValue(random) };
  const kind = random.integer(0, 5);
  const at = (path: string) => `/registry-${whose}/${path}`;
  const post = (path: string, right: unknown): Draft => ({
    ...{ method: 'POST', path: at(path), as: 'village' },
    text: textOf(random, right),
  });
  if (kind < 2) return post('_bulk_docs', { docs: [document, document], new_edits: false });
  if (kind === 2) return post('_revs_diff', { [id]: [document._rev] });
  if (kind === 3) return post(`_bulk_get?latest=true&revs=${encoded(hostileText(random))}`, asked);
  const names = ['since', 'limit', 'include_docs', 'style', 'heartbeat', 'filter', 'feed', hostileText(random)];
  const query = queryOf(random, names, ['0', '5', 'true', 'all_docs', 'now', '1-abc', 'longpoll', '["1-aa"]']);
  if (kind === 4) return { method: 'GET', path: at(`_changes?timeout=50${query}`), as: 'village' };
  return { method: 'GET', path: at(`${encoded(id)}?open_revs=all${query}`), as: 'village' };
}

function receiptQuery(random: SeededRandom): string {
  const value = (right: string) => encoded(random.chance(0.7) ? right : hostileText(random));
  const from = random.integer(1, 1_000_000);
  const query = `?node=${value('node1')}&from=${value(String(from))}&to=${value(String(from + random.integer(-5, 1e6)))}`;
  return random.chance(0.1) ? `${query}&node=node2&from[]=1` : query;
}

function villageDraft(random: SeededRandom, index: number): Draft {
  const kind = random.integer(0, 9);
  const name = encoded(random.chance(0.7) ? `v${index}` : hostileText(random));
  if (kind < 2) return { method: 'GET', path: `/v1/villages/${name}`, as: 'analyst' };
  if (kind === 2) {
    // Those that take part must keep their credentials.
    const target = random.chance(0.3) ? 'spare' : `v${index}${hostileText(random)}`;
    return {
      method: 'POST',
      path: `/v1/villages/${encoded(target)}/${pick(random, ['rotate', 'disable'])}`,
      as: 'admin',
    };
  }
  const wrong = {
    id: hostileText(random),
    name: hostileValue(random),
    lat: hostileValue(random),
    [hostileText(random)]: 1,
  };
  const right = { id: `v${index}`, name: 'a village', lat: 12, lon: 8 };
  // Few are right, so that the list of villages stays short.
  const body = random.chance(0.1) ? right : { ...right, ...wrong };
  return {
    method: 'POST',
    path: '/v1/villages',
    as: random.chance(0.9) ? 'admin' : 'analyst',
    text: textOf(random, body),
  };
}

function listDraft(random: SeededRandom, village: string): Draft {
  const names = [
    'device',
    'model',
    'from',
    'to',
    'order',
    'limit',
    'cursor',
    'format',
    '__proto__',
    'a[b]',
    hostileText(random),
  ];
  const right = ['m1', 'pv', '2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', 'desc', '3', '5', 'csv', 'ndjson', 'json'];
  const query = queryOf(random, names, right);
  const who = encoded(random.chance(0.9) ? village : hostileText(random));
  const list = pick(random, ['readings', 'predictions', '']);
  return { method: 'GET', path: `/v1/villages/${who}/${list}?limit=5${query}`, as: 'analyst' };
}

function queryDraft(random: SeededRandom, village: string): Draft {
  const who = encoded(random.chance(0.9) ? village : hostileText(random));
  const kind = random.integer(0, 3);
  if (kind === 0) {
    const selector = random.chance(0.5) ? { powerW: { $gt: 1 } } : hostileValue(random);
    const text = textOf(random, {
      selector,
      limit: 3,
      ...(random.chance(0.2) ? { fields: hostileValue(random) } : {}),
    });
    return { method: 'POST', path: `/telemetry/_partition/${who}/_find`, as: 'analyst', text };
  }
  const names = [
    'key',
    'startkey',
    'endkey',
    'descending',
    'skip',
    'include_docs',
    'inclusive_end',
    'limit',
    hostileText(random),
  ];
  const right = ['"kano:r:m1:"', '"kano:s"', 'true', 'false', '2', '[]', '{}', 'null', '"\\ud800"'];
  const query = `?limit=3${queryOf(random, names, right)}`;
  if (kind === 1) {
    const view = `_design/${encoded(hostileText(random))}/_view/${encoded(hostileText(random))}`;
    return { method: 'GET', path: `/telemetry/_partition/${who}/${view}${query}`, as: 'analyst' };
  }
  return { method: 'GET', path: `/telemetry/_partition/${who}/_all_docs${query}`, as: 'analyst' };
}

function queryOf(random: SeededRandom, names: readonly string[], right: readonly string[]): string {
  const parts = Array.from({ length: random.integer(0, 3) }, () => {
    const value = random.chance(0.7) ? pick(random, right) : hostileText(random);
    return `&${encoded(pick(random, names))}=${encoded(value)}`;
  });
  return parts.join('');
}

const ODD_PATHS = ['/', '//', '/telemetry/', '/telemetry/../v1/villages', '/telemetry/%2e%2e/x', '/telemetry/_changes'];
const MORE_ODD_PATHS = [
  '/_all_dbs',
  '/_utils',
  '/v1',
  '/v1/',
  '/v1/villages/%',
  '/%00',
  '/telemetry/_local/%2f',
  '/?',
  '*',
];

function oddPath(random: SeededRandom): string {
  const path = pick(random, [...ODD_PATHS, ...MORE_ODD_PATHS]);
  return random.chance(0.5) ? path : `${path}/${encoded(hostileText(random))}`;
}
