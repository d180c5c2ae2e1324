/**
 * How many values a body may have: a few kilobytes of gzip can be millions of them, each of which takes many times its
 * text in memory once parsed. They are counted in the text, before anything is made of it.
 */
import { AppError } from '../../shared/app-error.js';

/** Documents of a push, or ids of a question about revisions. */
const MAX_ENTRIES = 20_000;
/** 80 for each of so many documents. */
const MAX_VALUES = MAX_ENTRIES * 80;
/** Bytes a value takes at least on average, separators included. */
const LEAST_BYTES = 4;
/** Below it a body does no harm whatever it is made of. */
const SMALL_BODY_BYTES = 1024 * 1024;

/** By byte: 1 for what comes before a value, `,`, `[` and `{`. Those within strings count as well: it is a bound. */
const BEGINS_VALUE = new Uint8Array(256);
for (const character of ',[{') BEGINS_VALUE[character.charCodeAt(0)] = 1;

/** Throws `too_large` for a body of too many values. */
export function assertModest(body: Uint8Array): void {
  if (body.length <= SMALL_BODY_BYTES) return;
  const atMost = Math.min(body.length / LEAST_BYTES, MAX_VALUES);
  let values = 0;
  for (let at = 0; at < body.length; at++) values += BEGINS_VALUE[body[at] ?? 0] ?? 0;
  if (values <= atMost) return;
  throw new AppError(
    'too_large',
    `the body has more than ${Math.floor(atMost)} values; send fewer documents at a time`,
  );
}

/** Throws `too_large`. `what` is their name in the plural. */
export function assertFew(count: number, what: string): void {
  if (count <= MAX_ENTRIES) return;
  throw new AppError('too_large', `the body has ${count} ${what}; ${MAX_ENTRIES} at a time are possible`);
}
