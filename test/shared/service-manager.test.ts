/** systemd is told of readiness, life and the end, and never of a life there is none of. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { silentLogger } from '../../shared/logger.js';
import { ServiceManager } from '../../shared/service-manager.js';
import { sleep } from '../../shared/time.js';
import { waitFor } from '../support/wait-for.js';

const EVERY_MS = 15;
const WATCHED = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: String(3 * EVERY_MS * 1000), WATCHDOG_PID: '7' };

describe('what systemd is told', () => {
  let told: string[] = [];
  let manager: ServiceManager | undefined;
  afterEach(async () => {
    await manager?.stopping();
    told = [];
  });

  const managerIn = (
    env: Record<string, string>,
    notify = async (assignments: readonly string[]) => {
      told.push(...assignments);
    },
  ): ServiceManager => {
    manager = new ServiceManager({ env, log: silentLogger(), pid: 7, notify });
    return manager;
  };
  const signsOfLife = () => told.filter((one) => one === 'WATCHDOG=1').length;

  it('is nothing where there is no systemd', async () => {
    const one = managerIn({ WATCHDOG_USEC: '1000' });
    expect(one.watchdogMs).to.equal(undefined);
    await one.ready('ready', async () => {});
    await one.stopping();
    expect(told).to.deep.equal([]);
  });

  it('is no sign of life where another process is watched, or none', () => {
    expect(managerIn({ ...WATCHED, WATCHDOG_PID: '8' }).watchdogMs).to.equal(undefined);
    expect(managerIn({ NOTIFY_SOCKET: '/run/notify' }).watchdogMs).to.equal(undefined);
    expect(managerIn(WATCHED).watchdogMs).to.equal(3 * EVERY_MS);
  });

  it('is readiness, signs of life while there is a pulse, and the end, after which there are none', async () => {
    const one = managerIn(WATCHED);
    await one.ready('here', async () => {});
    await waitFor(() => signsOfLife() >= 2, { what: 'two signs of life' });
    await one.stopping();
    expect(told.slice(0, 2)).to.deep.equal(['READY=1', 'STATUS=here']);
    await waitFor(() => told.includes('STOPPING=1'), { what: 'the end' });
    const count = signsOfLife();
    await sleep(5 * EVERY_MS);
    expect(signsOfLife()).to.be.within(count, count + 1);
  });

  it('is no sign of life while the pulse fails or does not come, and one again when it does', async () => {
    let pulse: () => Promise<void> = () => Promise.reject(new Error('stuck'));
    let asked = 0;
    await managerIn(WATCHED).ready('here', () => {
      asked++;
      return pulse();
    });
    await waitFor(() => asked >= 3, { what: 'three looks' });
    expect(signsOfLife()).to.equal(0);
    let answer: () => void = () => {};
    pulse = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const before = asked;
    await waitFor(() => asked > before, { what: 'another look' });
    const waiting = asked;
    await sleep(5 * EVERY_MS);
    // One look at a time: a store that is slow is not asked ever more.
    expect([asked, signsOfLife()]).to.deep.equal([waiting, 0]);
    pulse = async () => {};
    answer();
    await waitFor(() => signsOfLife() >= 2, { what: 'signs of life' });
  });

  it('a systemd that cannot be told stops nothing', async () => {
    const one = managerIn(WATCHED, async () => {
      throw new Error('no such program');
    });
    await one.ready('here', async () => {});
    await one.stopping();
  });
});
