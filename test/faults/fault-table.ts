/** Everything that can come back instead of the right answer, and what the node must make of it. */
import type { LinkTag } from '../../edge/link/link-error.js';
import { SeededRandom, seedFor } from '../../sim/random.js';
import { documentsOf } from '../edge/push/support/sent-documents.js';
import { type Fault, faults, type ProxiedRequest } from '../support/fault-proxy.js';

export interface FaultCase {
  title: string;
  fault: Fault | ((request: ProxiedRequest) => Fault);
  tag: LinkTag;
  status?: number;
  /** Titles of the steps it makes sense for; all when absent. */
  steps?: readonly string[];
  /** Titles of steps it is something else for: what is refused as too large is halved, and kept with the reason. */
  notSteps?: readonly string[];
}

const COUCH_ERROR = { error: 'trouble', reason: 'the test says so' };
const BULK = 'POST _bulk_docs';
const DIFFS = ['POST _revs_diff to a plain CouchDB', 'POST _revs_diff reading back from a plain CouchDB'];

const TAKE_413_APART = [BULK, `${BULK} to a plain CouchDB`, 'POST _revs_diff reading back from a plain CouchDB'];
const STATUSES = [401, 403, 404, 409, 413, 429, 500, 503];

/** A refused request, as CouchDB says it, as something on the way shows it to people, and without a word. */
function refused(status: number): FaultCase[] {
  const forms: [string, Fault][] = [
    ['', faults.json(status, COUCH_ERROR)],
    [' with a page of HTML', faults.html(status)],
    [' with nothing', { kind: 'answer', status }],
  ];
  const notSteps = status === 413 ? TAKE_413_APART : [];
  return forms.map(([form, fault]) => ({ title: `${status}${form}`, fault, tag: 'HTTP_ERROR', status, notSteps }));
}

/** A gateway's answer to the documents of the request, altered. */
const entries =
  (change: (entry: { id: string; rev: string; ok: boolean }) => object) =>
  (request: ProxiedRequest): Fault =>
    faults.json(
      201,
      documentsOf(request).map(({ _id, _rev }) => change({ id: _id, rev: _rev, ok: true })),
    );

export const FAULTS: readonly FaultCase[] = [
  { title: 'connection reset', fault: { kind: 'reset' }, tag: 'CONNECTION_ERROR' },
  { title: 'answer lost after the centre acted', fault: { kind: 'lose-answer' }, tag: 'CONNECTION_ERROR' },
  { title: 'answer cut short', fault: { kind: 'cut-answer', afterBytes: 1 }, tag: 'CONNECTION_ERROR' },
  { title: 'hang before the headers', fault: { kind: 'hang', when: 'before-headers' }, tag: 'TIMEOUT' },
  { title: 'hang in the middle of the answer', fault: { kind: 'hang', when: 'after-headers' }, tag: 'TIMEOUT' },
  ...STATUSES.flatMap(refused),
  {
    title: '429 with Retry-After',
    fault: faults.json(429, COUCH_ERROR, { 'Retry-After': '1' }),
    tag: 'HTTP_ERROR',
    status: 429,
  },
  { title: '200 with a page of HTML', fault: faults.html(200), tag: 'REQUEST_ERROR' },
  { title: '200 []', fault: faults.emptyList(200), tag: 'REQUEST_ERROR' },
  { title: '201 []', fault: faults.emptyList(201), tag: 'REQUEST_ERROR' },
  { title: '202 []', fault: faults.emptyList(202), tag: 'REQUEST_ERROR' },
  { title: '200 {}', fault: faults.json(200, {}), tag: 'REQUEST_ERROR' },
  { title: 'truncated JSON', fault: faults.truncatedJson(201), tag: 'REQUEST_ERROR' },
  { title: 'an endless answer', fault: { kind: 'endless' }, tag: 'REQUEST_ERROR' },
  { title: 'an answer that inflates without end', fault: faults.bomb(), tag: 'REQUEST_ERROR' },
  {
    title: 'headers without end',
    fault: { kind: 'endless-head', of: 'headers' },
    tag: 'REQUEST_ERROR',
  },
  {
    title: 'interim answers without end',
    fault: { kind: 'endless-head', of: 'interim answers' },
    tag: 'REQUEST_ERROR',
  },
  { title: 'a redirect', fault: faults.redirect('http://127.0.0.1:1/'), tag: 'HTTP_ERROR', status: 302 },
  {
    title: 'revisions of another document',
    fault: faults.json(200, { 'other:r:m:2026-03-01T00:00:00.000Z': { missing: ['1-abc'] } }),
    tag: 'REQUEST_ERROR',
    steps: DIFFS,
  },
  {
    title: 'entries about other documents',
    fault: entries((entry) => ({ ...entry, id: `${entry.id}x` })),
    tag: 'REQUEST_ERROR',
    steps: [BULK],
  },
  {
    title: 'entries with another revision',
    fault: entries((entry) => ({ ...entry, rev: '1-000000000000' })),
    tag: 'REQUEST_ERROR',
    steps: [BULK],
  },
  {
    title: 'entries that do not say ok',
    fault: entries(({ id, rev }) => ({ id, rev })),
    tag: 'REQUEST_ERROR',
    steps: [BULK],
  },
  {
    title: 'entries with an unknown error',
    fault: entries(({ id }) => ({ id, error: 'internal_server_error', reason: 'no space' })),
    tag: 'REQUEST_ERROR',
    steps: [BULK],
  },
  {
    title: 'too few entries',
    fault: (request) => {
      const all = documentsOf(request).map(({ _id: id, _rev: rev }) => ({ id, rev, ok: true }));
      return faults.json(201, all.slice(1));
    },
    tag: 'REQUEST_ERROR',
    steps: [BULK],
  },
];

/** True where the table says something of the fault at the step. */
export function isAbout({ steps, notSteps = [] }: FaultCase, step: string): boolean {
  return (steps?.includes(step) ?? true) && !notSteps.includes(step);
}

/**
 * As many as FAULT_CASES says, or else `usual`, in the order they have; the seed, and what they are for, say which. With
 * FAULT_CASES=1000 all.
 */
export function drawn<T>(all: readonly T[], purpose: string, seed: number, usual = 1, atMost = all.length): T[] {
  const random = new SeededRandom(seedFor(seed, purpose));
  const ranked = all.map((one) => ({ one, rank: random.next() }));
  const count = Math.min(atMost, Number(process.env.FAULT_CASES ?? usual));
  const chosen = new Set([...ranked].sort((a, b) => a.rank - b.rank).slice(0, count));
  return ranked.filter((each) => chosen.has(each)).map(({ one }) => one);
}

/** Of the faults a step can meet, those to be played: `usual` unless FAULT_CASES says otherwise. */
export function drawFaults(step: string, seed: number, usual: number, atMost = Number.POSITIVE_INFINITY): FaultCase[] {
  const all = FAULTS.filter((one) => isAbout(one, step));
  return drawn(all, step, seed, usual, atMost);
}

/** True for a fault with which the centre has acted all the same. */
export function reachesCentre(fault: FaultCase['fault']): boolean {
  return typeof fault === 'object' && (fault.kind === 'lose-answer' || fault.kind === 'cut-answer');
}

/** What the table says, but for the steps that understand an answer in another way. */
export function expectationOf(step: string, { title, tag, status }: FaultCase): { tag: LinkTag; status?: number } {
  // The centre's word for a quorum that was missed.
  if (title === '202 []' && step.startsWith(BULK)) return { tag: 'HTTP_ERROR', status: 503 };
  return status === undefined ? { tag } : { tag, status };
}
