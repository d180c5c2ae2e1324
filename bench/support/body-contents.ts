/**
 * What is left in the bytes of a batch: how much its body shrinks when parts of its documents are left out and it is
 * compressed again in the same way.
 *
 * The parts do not add up to the body: what repeats something else costs little as long as the other is there.
 */
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, gunzip, gzip } from 'node:zlib';
import type { ObservedBody } from './request-observer.js';

export type BodyPart = 'values' | '_id' | '_rev' | 'at' | 'seq';

type Document = Record<string, unknown>;

/** Bytes per document of each part. */
export interface BodyContents {
  documents: number;
  costs: Readonly<Record<BodyPart, number>>;
}

/** What a node adds, and what names a reading; all else are values. */
const NOT_VALUES = new Set(['_id', '_rev', 'type', 'village', 'node', 'seq', 'boot', 'clock', 'device', 'at']);

/** Takes a body of `_bulk_docs` apart. */
export async function shareOfFields(body: ObservedBody): Promise<BodyContents> {
  const text = (await decoded(body)).toString('utf8');
  const { docs } = JSON.parse(text) as { docs: Document[] };
  const encode = await encoderLike(body, text);
  const wholeBytes = await encode(docs);
  const cost = async (without: (name: string) => boolean): Promise<number> =>
    (wholeBytes - (await encode(docs.map((one) => withoutFields(one, without))))) / docs.length;
  const costs = {
    values: await cost((name) => !NOT_VALUES.has(name)),
    _id: await cost((name) => name === '_id'),
    _rev: await cost((name) => name === '_rev' || name === '_revisions'),
    at: await cost((name) => name === 'device' || name === 'at'),
    seq: await cost((name) => name === 'seq'),
  };
  return { documents: docs.length, costs };
}

function withoutFields(document: Document, without: (name: string) => boolean): Document {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !without(name)));
}

async function decoded({ encoding, bytes }: ObservedBody): Promise<Buffer> {
  if (encoding === 'br') return promisify(brotliDecompress)(bytes);
  if (encoding === 'gzip') return promisify(gunzip)(bytes);
  return Buffer.from(bytes);
}

/** Bytes of a body of documents, at the level that comes closest to how this body was compressed. */
async function encoderLike(
  { encoding, bytes }: ObservedBody,
  text: string,
): Promise<(docs: Document[]) => Promise<number>> {
  const compress = async (plain: string, level: number): Promise<number> => {
    if (encoding === 'br') return (await promisify(brotliCompress)(plain, brotliOptions(level, plain))).length;
    if (encoding === 'gzip') return (await promisify(gzip)(plain, { level })).length;
    return plain.length;
  };
  const levels = encoding === 'br' ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  let best = { level: 9, apart: Number.POSITIVE_INFINITY };
  for (const level of levels) {
    const apart = Math.abs((await compress(text, level)) - bytes.length);
    if (apart < best.apart) best = { level, apart };
  }
  return (docs) => compress(JSON.stringify({ new_edits: false, docs }), best.level);
}

function brotliOptions(level: number, plain: string): { params: Record<number, number> } {
  return {
    params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  };
}
