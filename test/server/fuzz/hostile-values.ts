/** Values, texts, keys and JSON texts such as no well-meaning sender makes them; the same for the same random stream. */
import type { SeededRandom } from '../../../sim/random.js';

export function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  const chosen = choices[random.integer(0, choices.length - 1)];
  if (chosen === undefined) throw new Error('there is nothing to choose from');
  return chosen;
}

const TEXTS: readonly string[] = [
  ...['', ' ', '\u0000', 'a\u0000b', '\ud800', '\udfff\ud800', '\uffff', '😀', '\u202e', '\r\nX-Header: 1', '\u007f'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '$where', 'null', 'NaN', '-0'],
  ...[
    '_design/x',
    '_local/x',
    '_design',
    '_all_docs',
    '../../etc/passwd',
    '..',
    '.',
    'a/b',
    'a%2fb',
    '%00',
    '%zz',
    '//',
  ],
  ...[
    'witness:r:m0:2026-03-01T00:00:00.000Z',
    'witness',
    'WITNESS',
    'kano',
    'admin',
    'analyst',
    'Kano:',
    'kano::',
    ':',
  ],
  ...['2026-02-30T00:00:00.000Z', '+275761-01-01T00:00:00.000Z', '2026-03-01T00:00:00Z', '2026-03-01', '0', '1e999'],
  ...[
    '1-',
    '0-0',
    '1-ABCDEF',
    '999999999-a',
    '1000000000-0',
    '1-g',
    `1-${'a'.repeat(65)}`,
    '=1+1',
    '<script>',
    '"',
    '\\',
  ],
];

const LENGTHS = [65, 257, 1025, 9000, 20_000];

export function hostileText(random: SeededRandom): string {
  if (random.chance(0.7)) return pick(random, TEXTS);
  if (random.chance(0.3)) return pick(random, ['x', 'é', '😀', '\u0001', '\ud800']).repeat(pick(random, LENGTHS));
  return Array.from({ length: random.integer(1, 40) }, () => String.fromCharCode(random.integer(0, 0xffff))).join('');
}

const NUMBERS = [0, -0, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), 1e21, 1.5e300];

export function hostileKey(random: SeededRandom): string {
  return random.chance(0.5)
    ? pick(random, [
        '__proto__',
        'constructor',
        '_id',
        '_rev',
        '_deleted',
        '_attachments',
        '_revisions',
        '_x',
        'seq',
        'a.b',
      ])
    : hostileText(random);
}

/** Anything that can be written as JSON, nested up to `depth`. */
export function hostileValue(random: SeededRandom, depth = 3): unknown {
  const kind = random.integer(0, depth > 0 ? 7 : 4);
  if (kind === 0) return pick(random, NUMBERS);
  if (kind === 1) return pick(random, [null, true, false]);
  if (kind <= 4) return hostileText(random);
  if (kind === 5) return Array.from({ length: random.integer(0, 6) }, () => hostileValue(random, depth - 1));
  // Not by assignment: a key `__proto__` is to be a key.
  return Object.fromEntries(
    Array.from({ length: random.integer(0, 6) }, () => [hostileKey(random), hostileValue(random, depth - 1)]),
  );
}

/** JSON, or nearly: a text in which something was broken. */
export function brokenText(random: SeededRandom, json: string): string {
  const at = random.integer(0, json.length);
  const kind = random.integer(0, 6);
  if (kind === 0) return json.slice(0, at);
  if (kind === 1) return json.slice(0, at) + hostileText(random) + json.slice(at);
  if (kind === 2) return json.slice(0, at) + json.slice(at + random.integer(1, 20));
  if (kind === 3) return json.replace(/\d+/g, (number) => (random.chance(0.1) ? pick(random, HUGE) : number));
  if (kind === 4) return `${json}${json}`;
  if (kind === 5) return json.replaceAll(':', random.chance(0.5) ? ': ' : '=');
  return json.replace(/"[a-z]+":/, (key) => `"__proto__":{"x":1},${key}1,${key}`);
}

/** Numbers no number holds. */
const HUGE = [
  '1e999',
  '-1e999',
  '9'.repeat(400),
  `0.${'1'.repeat(300)}`,
  '00',
  '0x10',
  '1e',
  '-',
  '.5',
  'NaN',
  'Infinity',
];

/** Bytes of which most are no UTF-8. */
export function randomBytes(random: SeededRandom, maxLength = 300): Buffer {
  return Buffer.from(Array.from({ length: random.integer(0, maxLength) }, () => random.integer(0, 255)));
}

/** Nested so deep that whoever walks it by recursion falls. */
export function deepJson(random: SeededRandom): string {
  const depth = pick(random, [100, 1000, 20_000, 100_000]);
  const [open, close] = pick(random, [
    ['[', ']'],
    ['{"a":', '}'],
    ['{"$not":', '}'],
    ['[{"docs":', '}]'],
  ] as const);
  return `${open.repeat(depth)}1${random.chance(0.8) ? close.repeat(depth) : ''}`;
}
