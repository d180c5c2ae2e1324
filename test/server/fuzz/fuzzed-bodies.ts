/** How a body travels: plain, compressed, cut, mislabelled, or as a bomb. */
import zlib from 'node:zlib';
import type { SeededRandom } from '../../../sim/random.js';
import { hostileText, pick, randomBytes } from './hostile-values.js';

export interface Packed {
  bytes: Buffer;
  headers: Record<string, string>;
  /** False where the receiver cannot get the plain text out of it. */
  isWhole: boolean;
}

const QUICK_BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } };
const TYPES = [
  'text/plain',
  'application/x-ndjson',
  'application/json; charset=latin1',
  'multipart/form-data',
  '',
  'x',
];
const ENCODINGS = ['deflate', 'gzip, gzip', 'br, gzip', 'zstd', 'x', 'GZIP ', 'identity', ''];

export function pack(random: SeededRandom, plain: Buffer): Packed {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (random.chance(0.05)) headers['Content-Type'] = pick(random, TYPES);
  const kind = random.integer(0, 99);
  if (kind < 65) return { bytes: plain, headers, isWhole: true };
  if (kind < 80) return { bytes: zlib.gzipSync(plain, { level: 1 }), headers: encoded(headers, 'gzip'), isWhole: true };
  if (kind < 88) return { bytes: brotli(plain), headers: encoded(headers, 'br'), isWhole: true };
  const coding = pick(random, ['gzip', 'br']);
  const packed = coding === 'gzip' ? zlib.gzipSync(plain, { level: 1 }) : brotli(plain);
  if (kind < 91) return { bytes: cut(random, packed), headers: encoded(headers, coding), isWhole: false };
  if (kind < 94) return { bytes: flipped(random, packed), headers: encoded(headers, coding), isWhole: false };
  if (kind < 96) return { bytes: plain, headers: encoded(headers, coding), isWhole: false };
  if (kind < 98) return { bytes: randomBytes(random), headers: encoded(headers, coding), isWhole: false };
  const isPlain = random.chance(0.5);
  return { bytes: isPlain ? plain : packed, headers: encoded(headers, pick(random, ENCODINGS)), isWhole: false };
}

function encoded(headers: Record<string, string>, coding: string): Record<string, string> {
  return { ...headers, 'Content-Encoding': coding };
}

function brotli(plain: Buffer): Buffer {
  return zlib.brotliCompressSync(plain, QUICK_BROTLI);
}

function cut(random: SeededRandom, bytes: Buffer): Buffer {
  return bytes.subarray(0, random.integer(0, Math.max(0, bytes.length - 1)));
}

function flipped(random: SeededRandom, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.length === 0) return changed;
  const at = random.integer(0, changed.length - 1);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.integer(0, 7));
  return changed;
}

/** Small on the wire and large behind it: made once, for they take a while. */
export class Bombs {
  readonly #made: readonly Packed[];

  constructor() {
    const zeros = Buffer.alloc(100 * 1024 * 1024, ' ');
    const started = Buffer.concat([Buffer.from('{"new_edits":false,"docs":['), zeros.subarray(0, 40 * 1024 * 1024)]);
    const headers = { 'Content-Type': 'application/json' };
    this.#made = [
      { bytes: zlib.gzipSync(zeros, { level: 9 }), headers: encoded(headers, 'gzip'), isWhole: false },
      { bytes: brotli(zeros), headers: encoded(headers, 'br'), isWhole: false },
      { bytes: zlib.gzipSync(started, { level: 1 }), headers: encoded(headers, 'gzip'), isWhole: false },
    ];
  }

  any(random: SeededRandom): Packed {
    return pick(random, this.#made);
  }
}

/** Past the largest body that is taken, or many small things below it. */
export function largeText(random: SeededRandom): string {
  const kind = random.integer(0, 2);
  if (kind === 0) return `{"docs":[${'{},'.repeat(200_000)}{}],"new_edits":false}`;
  if (kind === 1) return `{"docs":["${'x'.repeat(33 * 1024 * 1024)}"],"new_edits":false}`;
  return `{${Array.from({ length: 50_000 }, (_, n) => `"kano:${n}":["1-a"]`).join(',')}}`;
}

/** A header's value: what Node would refuse to send is taken out. */
export function headerText(random: SeededRandom): string {
  return hostileText(random)
    .replace(/[^\u0020-\u007e]/g, '')
    .slice(0, 2000);
}
