/** Telemetry that is nearly right, and what a document must be, written down a second time and apart from the gateway. */
import type { SeededRandom } from '../../../sim/random.js';
import { event, prediction, reading, type Sent } from '../support/documents.js';
import { hostileKey, hostileText, hostileValue, pick } from './hostile-values.js';

type Fields = Record<string, unknown>;

/** A document as a node sends it. */
export function properDocument(random: SeededRandom, village: string): Sent {
  const n = random.integer(0, 100_000_000);
  const kind = random.integer(0, 9);
  const changes = { node: pick(random, ['node1', 'node2', 'node3']), powerW: random.integer(0, 5000) };
  if (kind === 0) return event(village, n);
  if (kind === 1) return prediction(village, n % 1_000_000, changes);
  return reading(village, n, changes);
}

/** With up to three things wrong, or none. */
export function nearlyDocument(random: SeededRandom, village: string): unknown {
  if (random.chance(0.03)) return hostileValue(random);
  let fields: Fields = properDocument(random, random.chance(0.05) ? 'witness' : village);
  const mutations = random.integer(0, 3);
  for (let count = 0; count < mutations; count++) fields = mutated(random, fields);
  return fields;
}

function mutated(random: SeededRandom, fields: Fields): Fields {
  const names = Object.keys(fields);
  const name = names.length === 0 ? '_id' : pick(random, names);
  const kind = random.integer(0, 9);
  if (kind <= 2) return with_(fields, name, hostileValue(random, 2));
  if (kind === 3) return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
  if (kind === 4) return with_(fields, hostileKey(random), hostileValue(random, 2));
  if (kind === 5) return with_(fields, '_id', `${idOf(fields)}${hostileText(random)}`);
  if (kind === 6) return with_(fields, '_id', `${hostileText(random)}${idOf(fields)}`);
  if (kind === 7)
    return with_(fields, 'village', pick(random, ['witness', 'WITNESS', 'Kano', '', 'kano ', '__proto__']));
  if (kind === 8) return with_(fields, pick(random, SPECIAL), pick(random, SPECIAL_VALUES));
  return with_(fields, pick(random, ['void', 'lost', 'note', 'a1']), pick(random, LISTS));
}

/** A hostile value need not be one that can be made a text. */
function idOf({ _id }: Fields): string {
  return typeof _id === 'string' ? _id : '';
}

const SPECIAL = ['_deleted', '_attachments', '_revisions', '_conflicts', '_local_seq', '__proto__', 'constructor'];
const SPECIAL_VALUES = [
  true,
  {},
  { start: 1, ids: ['a'] },
  { start: 1e9, ids: ['a'] },
  { start: 2, ids: ['b', 'a'] },
  1,
];
const LISTS = [[], [[1, 2]], [[2, 1]], [[1, 2, 3]], [[[1, 2]]], [1, 2], [[1e300, 2]], [[1, null]]];

function with_(fields: Fields, name: string, value: unknown): Fields {
  return Object.fromEntries([...Object.entries(fields).filter(([other]) => other !== name), [name, value]]);
}

const MAX_STORED_BYTES = 19 * 1024;

/** Why a document should not be in the store of `village`; undefined for one that may be. */
export function improper(document: Fields, village: string): string | undefined {
  const { _id, _rev, type, at, device, model, node, seq, boot } = document;
  const middle = {
    reading: `r:${device}:${at}`,
    prediction: `p:${model}:${device ?? '-'}:${document.for ?? at}:${at}`,
  };
  if (document.village !== village) return 'another village';
  if (typeof _rev !== 'string' || !/^[1-9]\d*-[0-9a-f]+$/.test(_rev)) return 'its revision';
  if (type === 'event') {
    if (!new RegExp(`^${village}:e:${node}:${boot}-\\d+$`).test(String(_id))) return 'its id';
  } else if (type !== 'reading' && type !== 'prediction') return 'its type';
  else if (_id !== `${village}:${middle[type]}`) return 'its id';
  if (typeof at !== 'string' || new Date(at).toISOString() !== at) return 'its time';
  if (!/^[a-z0-9]{4,12}$/.test(String(node))) return 'its node';
  if (!Number.isSafeInteger(seq) || Number(seq) < 1 || !Number.isSafeInteger(boot)) return 'its numbers';
  for (const [name, value] of Object.entries(document)) {
    if (!/^(_id|_rev|[A-Za-z][A-Za-z0-9_]{0,63})$/.test(name)) return `the field ${JSON.stringify(name)}`;
    const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
    const isRanges = type === 'event' && Array.isArray(value) && value.flat().every(Number.isSafeInteger);
    if (!isScalar && !isRanges) return `the value of ${name}`;
    if (typeof value === 'string' && !value.isWellFormed()) return `the text of ${name}`;
  }
  return Buffer.byteLength(JSON.stringify(document)) > MAX_STORED_BYTES ? 'its size' : undefined;
}
