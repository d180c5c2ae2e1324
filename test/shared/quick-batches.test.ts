/** Batches handed over entry by entry, held against leveldown's own. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { loadLeveldown } from '../../shared/pouchdb.js';
import type { Level, LevelOperation } from '../../shared/watched-level.js';
import { useTempFolder } from '../support/temp-folder.js';

interface Opened extends Level {
  open(options: object, callback: (error?: Error) => void): void;
  close(callback: (error?: Error) => void): void;
  /** Not a batch. */
  del(key: string, callback: (error?: Error) => void): void;
}

describe('quick batches', () => {
  let level: Opened;
  afterEach(() => new Promise<void>((resolve) => level.close(() => resolve())));
  const folder = useTempFolder();
  beforeEach(async () => {
    level = (loadLeveldown() as (location: string) => Opened)(folder.path);
    await new Promise<void>((resolve, reject) => level.open({}, (error) => (error ? reject(error) : resolve())));
  });

  const write = (...operations: LevelOperation[]) =>
    new Promise<void>((resolve, reject) => {
      level._batch(operations, { sync: true }, (error) => (error ? reject(error) : resolve()));
    });
  const values = (...keys: string[]) =>
    new Promise<unknown[]>((resolve, reject) => {
      level._getMany(keys, { asBuffer: false }, (error, found) => (error ? reject(error) : resolve(found ?? [])));
    });
  const put = (key: string, value: string): LevelOperation => ({ type: 'put', key, value });

  it('do in their order what they are told, texts of every kind included', async () => {
    const text = 'ÿ Zürich ☀️ \u0000 "\n';
    await write(put('a', '1'), put(text, text), { type: 'del', key: 'a' }, put('b', ''), put('b', '2'));
    expect(await values('a', text, 'b')).to.deep.equal([undefined, text, '2']);
  });

  it('leave nothing in the next ones, one after the other or at the same time', async () => {
    await write(put('a', '1'));
    await new Promise<void>((resolve, reject) => level.del('a', (error) => (error ? reject(error) : resolve())));
    await write(put('b', '1'));
    expect(await values('a', 'b')).to.deep.equal([undefined, '1']);
    const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`);
    await Promise.all(keys.map((key) => write(put(key, key), put('last', key))));
    await write({ type: 'del', key: 'key 7' });
    expect(await values(...keys)).to.deep.equal(keys.map((key, n) => (n === 7 ? undefined : key)));
  });

  it('may be empty, and larger than those that are kept', async () => {
    await write();
    await write(...Array.from({ length: 12_000 }, (_, n) => put(`n${n}`, String(n))));
    await write(put('n0', 'again'));
    expect(await values('n0', 'n11999')).to.deep.equal(['again', '11999']);
  });
});
