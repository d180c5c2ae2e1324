/** What the controller does about pushes, a store and a link that do not behave; on clocks that a test moves. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import { FakePush, settle } from './support/fake-push.js';

const AWAY = new LinkError('CONNECTION_ERROR', 'no connection');
const TROUBLE = new LinkError('HTTP_ERROR', 'in trouble', { status: 503 });

describe('the supervision of pushes', () => {
  let push: FakePush;
  afterEach(() => push.stop());

  async function started(options: { live?: boolean } = {}): Promise<FakePush> {
    push = new FakePush(options);
    await push.start();
    return push;
  }

  const drain = async () => {
    push.lastRun.end();
    await settle();
  };

  describe('a run that never ends', () => {
    it('is called off, told as an error, and begun anew with a session of its own', async () => {
      const { runs, controller, captured } = await started();
      push.segment.pending = 3;
      push.exchange();
      await push.pass(140_000);
      expect([runs.length, controller.stall]).to.deep.equal([1, undefined]);
      await push.pass(30_000);
      expect(runs.map(({ fresh, signal }) => [fresh, signal.aborted])).to.deep.equal([
        [false, true],
        [true, false],
      ]);
      expect(controller.stall?.message).to.contain('3 documents pending');
      const errors = captured.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
      expect(errors[0]).to.equal('the push stands still with 3 documents pending; it has been begun anew');
      expect(errors[1]).to.contain('is left behind');
      push.batch({ sent: 3 });
      expect(controller.stall, 'over, once documents move').to.equal(undefined);
      expect([controller.stalls, controller.state.name]).to.deep.equal([1, 'draining']);
    });

    it('that was left behind changes nothing when it ends after all', async () => {
      const { runs, controller } = await started();
      await push.pass(170_000);
      expect(runs).to.have.length(2);
      runs[0]?.fail(AWAY);
      await settle();
      expect([controller.state.name, controller.state.failures]).to.deep.equal(['connecting', 1]);
    });

    it('fails the forced replication that waits for it, in scheduled mode too, and lets the next one begin', async () => {
      const { runs, controller } = await started({ live: false });
      const failed = controller.push().catch((error: Error) => error.message);
      await push.pass(150_000);
      const next = (async () => {
        expect(await failed).to.equal('the push stood still and was called off');
        await controller.push();
        return 'delivered';
      })();
      await push.pass(20_000);
      expect(runs).to.have.length(2);
      await drain();
      expect(await next).to.equal('delivered');
    });

    it('keeps no node from stopping', async () => {
      const { controller } = await started();
      const stopping = controller.stop();
      await push.pass(11_000);
      await stopping;
      expect(controller.state.name).to.equal('stopped');
    });

    it('is left alone while its exchanges move, and while what is damaged is repaired', async () => {
      const { runs } = await started();
      for (let n = 0; n < 10; n++) {
        push.exchange();
        await push.pass(120_000);
      }
      push.segment.damage = new Error('damaged');
      await push.pass(1_200_000);
      expect(runs).to.have.length(1);
    });
  });

  it('begins a push anew that was forgotten: live, online, documents pending, and nothing under way', async () => {
    const { runs, controller } = await started();
    push.exchange();
    await drain();
    push.segment.pending = 2;
    await push.pass(70_000);
    expect([runs.length, runs[1]?.fresh, controller.stalls]).to.deep.equal([2, true, 1]);
  });

  it('does not take documents that wait for a repair, or for a link, for forgotten', async () => {
    const { runs, controller } = await started();
    push.exchange();
    await drain();
    push.segment.pending = 2;
    push.segment.damage = new Error('damaged');
    await push.pass(4_000_000);
    expect([runs.length, controller.stalls]).to.deep.equal([1, 0]);
  });

  describe('while the store cannot be written', () => {
    it('begins no push, says so, and goes on when it can', async () => {
      const { runs, controller } = await started();
      await drain();
      push.writable = false;
      await push.pass(3_000);
      push.append();
      await push.pass(60_000);
      expect([runs.length, [...controller.state.pauses]]).to.deep.equal([1, ['storage']]);
      push.writable = true;
      await push.pass(3_000);
      expect([runs.length, [...controller.state.pauses]]).to.deep.equal([2, []]);
    });

    it('refuses a forced push with what the store says, and lets it pass once the store is healed', async () => {
      const { runs, controller } = await started({ live: false });
      push.writable = false;
      await push.pass(3_000);
      push.heal = async () => {
        throw new Error('the disk is full');
      };
      expect(await controller.push().catch((error: Error) => error.message)).to.equal('the disk is full');
      expect(runs).to.have.length(0);
      push.heal = async () => {
        push.writable = true;
      };
      const forced = controller.push();
      await settle();
      expect(runs.map(({ fresh }) => fresh)).to.deep.equal([true]);
      await drain();
      await forced;
    });
  });

  describe('the link', () => {
    it('that is restored has data pushed at once, whatever the backoff', async () => {
      const { runs, connectivity, controller } = await started();
      for (let n = 0; n < 6; n++) {
        connectivity.exchangeBegan();
        connectivity.exchangeEnded({ away: AWAY });
        push.lastRun.fail(AWAY);
        await settle();
        if (n < 5) await push.pass(30_000);
      }
      const before = runs.length;
      expect(controller.state.name).to.equal('offline');
      push.exchange();
      expect([runs.length, controller.state.name]).to.deep.equal([before + 1, 'connecting']);
    });

    it('is not probed beside the pushes that are tried while it is away', async () => {
      const { runs, connectivity } = await started();
      for (let n = 0; n < 20; n++) {
        connectivity.exchangeBegan();
        connectivity.exchangeEnded({ away: AWAY });
        push.lastRun.fail(AWAY);
        await settle();
        await push.pass(30_000);
      }
      expect([runs.length, push.probes]).to.deep.equal([21, 0]);
    });

    it('is told truly in scheduled mode, too, and nothing is pushed for it', async () => {
      const { runs, connectivity } = await started({ live: false });
      await push.pass(11_000);
      expect(connectivity.status.state).to.equal('online');
      connectivity.exchangeBegan();
      connectivity.exchangeEnded({ away: AWAY });
      expect(connectivity.status.state).to.equal('offline');
      await push.pass(31_000);
      expect([connectivity.status.state, runs.length]).to.deep.equal(['online', 0]);
    });

    it('is not claimed to be there by a run that had nothing to ask', async () => {
      const { connectivity } = await started();
      await drain();
      expect(connectivity.status.state).to.equal('unknown');
    });
  });

  it('counts failures until documents arrive: neither those held already nor those refused are progress', async () => {
    const { controller } = await started();
    for (let n = 1; n <= 4; n++) {
      push.batch([{}, { quarantined: 1 }, { sent: 2, held: 2 }][n % 3] ?? {});
      push.lastRun.fail(TROUBLE);
      await settle();
      expect(controller.state.failures).to.equal(n);
      await push.pass(30_000);
    }
    push.batch({ sent: 1 });
    expect(controller.state.failures).to.equal(0);
  });

  it('causes a run for a refused document that is due, and no more than one in ten seconds', async () => {
    const { runs } = await started();
    await drain();
    push.retryDue = true;
    await push.pass(4_000);
    expect(runs).to.have.length(2);
    await drain();
    await push.pass(6_000);
    expect(runs, 'still due').to.have.length(2);
    await push.pass(6_000);
    expect(runs).to.have.length(3);
    push.retryDue = false;
    await drain();
    await push.pass(60_000);
    expect(runs).to.have.length(3);
  });
});
