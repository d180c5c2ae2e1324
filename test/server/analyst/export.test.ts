import { expect } from 'chai';
import { describe, it } from 'mocha';
import { csvLines } from '../../../server/analyst/export.js';
import type { TelemetryDocument } from '../../../shared/documents.js';

async function rowsOf(documents: readonly TelemetryDocument[], fields?: readonly string[]): Promise<string[]> {
  const each = async function* () {
    yield* documents;
  };
  const lines: string[] = [];
  for await (const line of csvLines({ type: 'reading', documents: each(), sample: each, fields })) lines.push(line);
  return lines.join('').split('\r\n').slice(0, -1);
}

describe('readings as CSV', () => {
  const owned = { village: 'kano', node: 'node1', boot: 1, device: 'm1', powerW: 100 };
  const document = (seq: number, more: object): TelemetryDocument => {
    const at = `2026-03-01T00:00:0${seq}.000Z`;
    return { _id: `kano:r:m1:${at}`, _rev: '1-a', type: 'reading', ...owned, seq, at, ...more };
  };
  const plain = document(1, {});
  const odd = document(2, { constructor: 5 });

  it('have nothing in the columns of fields they do not have, whatever these are called', async () => {
    const [header, first, second] = await rowsOf([plain, odd]);
    const column = header?.split(',').indexOf('constructor') ?? -1;
    expect(column).to.be.above(0);
    expect([first?.split(',')[column], second?.split(',')[column]]).to.deep.equal(['', '5']);
    expect(await rowsOf([plain], ['valueOf'])).to.have.length(2);
    expect((await rowsOf([plain], ['valueOf', 'toString'])).join()).not.to.include('native code');
  });

  it('begin with nothing before the store was asked, and with the header where it has nothing', async () => {
    const broken = async function* (): AsyncGenerator<TelemetryDocument> {
      yield await Promise.reject(new Error('the store is gone'));
    };
    const source = { type: 'reading', documents: broken(), sample: broken, fields: ['powerW'] } as const;
    const first = await csvLines(source)
      .next()
      .catch(({ message }: Error) => message);
    expect(first).to.equal('the store is gone');
    expect(await rowsOf([], ['powerW'])).to.deep.equal(['at,device,powerW,clock,node,seq,boot,_id,_rev']);
  });
});
