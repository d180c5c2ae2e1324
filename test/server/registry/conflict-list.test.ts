/** A list of many villages' conflicts tells of those that can be asked. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { conflictPage } from '../../../server/registry/conflict-list.js';
import { AppError } from '../../../shared/app-error.js';
import type { Conflict } from '../../../shared/registry/registry-view.js';

const villages = (...ids: string[]) => ids.map((id) => ({ id, createdAt: '2026-03-01T00:00:00.000Z' }) as never);
const conflict = { _id: 'device:m1', type: 'device', id: 'm1', winner: '1-aa', fields: {}, versions: [] } as Conflict;
const failing = new AppError('storage_failed', 'the database of b failed');
const conflictsOf = async (id: string) => {
  if (id.startsWith('b')) throw failing;
  return [conflict];
};

describe('the conflicts of all villages', () => {
  it('are told of the others, page by page, where some cannot be asked, and those are named', async () => {
    const told: [string, unknown][] = [];
    const list = (after?: { village: string; document: string }) =>
      conflictPage(villages('c', 'b', 'a', 'd', 'b2'), { limit: 2, after }, conflictsOf, (...one) => told.push(one));
    const { items, next, unavailable } = await list();
    expect(items.map(({ village }) => village)).to.deep.equal(['a', 'c']);
    expect(next).to.be.a('string');
    expect(unavailable).to.deep.equal(['b', 'b2']);
    expect(told).to.have.deep.members([
      ['b', failing],
      ['b2', failing],
    ]);
    const rest = await list({ village: 'c', document: 'device:m1' });
    expect(rest.items.map(({ village }) => village)).to.deep.equal(['d']);
    expect(rest).to.not.have.any.keys('next', 'unavailable');
  });

  it('name no more than a hundred that cannot be asked', async () => {
    const many = villages(...Array.from({ length: 150 }, (_, n) => `b${n}`));
    const page = await conflictPage(many, { limit: 10, after: undefined }, conflictsOf, () => undefined);
    expect(page.unavailable).to.have.length(100);
  });

  it('fail where it is asked for one village alone', async () => {
    const failure = await conflictPage(villages('b'), { limit: 2, after: undefined }, conflictsOf).catch((one) => one);
    expect(failure).to.equal(failing);
  });
});
