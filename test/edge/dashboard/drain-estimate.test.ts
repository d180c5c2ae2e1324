import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DrainEstimate } from '../../../edge/dashboard/drain-estimate.js';

describe('the estimate of a drain', () => {
  it('says nothing before ten seconds have shown what the link carries', () => {
    const drain = new DrainEstimate();
    expect(drain.view).to.equal(undefined);
    for (let second = 0; second < 10; second++) drain.note(1000 - second * 10, true, second * 1000);
    expect(drain.view).to.deep.equal({ total: 1000, done: 90, left: 'unknown' });
    drain.note(900, true, 10_000);
    expect(drain.view).to.deep.equal({ total: 1000, done: 100, left: { seconds: 90, perMinute: 600 } });
  });

  it('goes by the last minute alone', () => {
    const drain = new DrainEstimate();
    const pendingAt = (second: number) => 100_000 - 500 * Math.min(second, 120) - 10 * Math.max(0, second - 120);
    for (let second = 0; second <= 180; second++) drain.note(pendingAt(second), true, second * 1000);
    const { left } = drain.view ?? {};
    expect(left).to.deep.equal({ seconds: pendingAt(180) / 10, perMinute: 600 });
  });

  it('says nothing while the first batch is under way over a slow link', () => {
    const drain = new DrainEstimate();
    for (let second = 0; second <= 40; second++) drain.note(4_000, true, second * 1000);
    expect(drain.view?.left).to.equal('unknown');
    drain.note(3_900, true, 50_000);
    expect(drain.view?.left).to.deep.equal({ seconds: 1950, perMinute: 120 });
  });

  it('says so where more arrives than is sent', () => {
    const drain = new DrainEstimate();
    for (let second = 0; second <= 20; second++) drain.note(500 + second, true, second * 1000);
    expect(drain.view?.left).to.equal('growing');
  });

  it('measures anew with the next drain, and counts anew once nothing waits', () => {
    const drain = new DrainEstimate();
    for (let second = 0; second <= 20; second++) drain.note(500 - second, true, second * 1000);
    drain.note(480, false, 21_000);
    expect(drain.view).to.equal(undefined);
    drain.note(300, true, 22_000);
    expect(drain.view).to.deep.equal({ total: 500, done: 200, left: 'unknown' });
    drain.note(0, true, 23_000);
    expect(drain.view).to.equal(undefined);
    drain.note(70, true, 24_000);
    expect(drain.view).to.deep.equal({ total: 70, done: 0, left: 'unknown' });
  });
});
