import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FairQueue } from '../../../server/gateway/fair-queue.js';

function drained(queue: FairQueue<string>): string[] {
  const order: string[] = [];
  for (let next = queue.shift(); next; next = queue.shift()) order.push(next.value);
  return order;
}

describe('the queue of bodies', () => {
  it('serves villages in turn, however much one of them brings, and each in its own order', () => {
    const queue = new FairQueue<string>();
    for (const n of [1, 2, 3, 4]) queue.push({ owner: 'kano', cost: 10, value: `kano ${n}` });
    queue.push({ owner: 'jos', cost: 10, value: 'jos 1' });
    queue.push({ owner: 'jos', cost: 10, value: 'jos 2' });
    expect(queue.cost).to.equal(60);
    expect(drained(queue)).to.deep.equal(['kano 1', 'jos 1', 'kano 2', 'jos 2', 'kano 3', 'kano 4']);
    expect([queue.cost, queue.length]).to.deep.equal([0, 0]);
  });

  it('lets small bodies through between large ones, by what they cost', () => {
    const queue = new FairQueue<string>();
    for (const n of [1, 2]) queue.push({ owner: 'large', cost: 100, value: `large ${n}` });
    for (const n of [1, 2, 3]) queue.push({ owner: 'small', cost: 10, value: `small ${n}` });
    expect(drained(queue)).to.deep.equal(['large 1', 'small 1', 'small 2', 'small 3', 'large 2']);
  });

  it('neither favours nor charges who comes after a pause', () => {
    const queue = new FairQueue<string>();
    for (const n of [1, 2, 3, 4]) queue.push({ owner: 'kano', cost: 10, value: `kano ${n}` });
    expect([queue.shift()?.value, queue.shift()?.value]).to.deep.equal(['kano 1', 'kano 2']);
    for (const n of [1, 2, 3]) queue.push({ owner: 'late', cost: 10, value: `late ${n}` });
    expect(drained(queue)).to.deep.equal(['late 1', 'kano 3', 'late 2', 'kano 4', 'late 3']);
    queue.push({ owner: 'kano', cost: 10, value: 'kano 5' });
    queue.push({ owner: 'new', cost: 10, value: 'new 1' });
    expect(drained(queue)).to.deep.equal(['kano 5', 'new 1']);
  });

  it('takes back who gives up', () => {
    const queue = new FairQueue<string>();
    queue.push({ owner: 'kano', cost: 10, value: 'one' });
    queue.push({ owner: 'jos', cost: 5, value: 'two' });
    expect(queue.remove('one')).to.equal(true);
    expect(queue.remove('one')).to.equal(false);
    expect(queue.cost).to.equal(5);
    expect(drained(queue)).to.deep.equal(['two']);
  });
});
