import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Webhook, type WebhookOptions } from '../../../server/alerts/webhook.js';
import { webhookTargets } from '../../../server/alerts/webhook-settings.js';
import { systemClock } from '../../../shared/time.js';
import { type CapturedLog, capturedLog } from '../../support/captured-log.js';
import { waitFor } from '../../support/wait-for.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

/** Between tries; an answer may take its time, since a try that is given up is one more request. */
const FAST = { deadlineMs: 10_000, firstDelayMs: 1, longestDelayMs: 2 };

describe('a webhook', () => {
  let receiver: WebhookReceiver;
  let log: CapturedLog;
  const open: Webhook[] = [];

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    log = capturedLog();
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    await receiver.stop();
  });

  const hookTo = (address: string, options: Partial<WebhookOptions> = {}) => {
    const [target] = webhookTargets.parse(address);
    if (!target) throw new Error('no target');
    const hook = new Webhook({ target, secret: undefined, clock: systemClock, log: log.log, times: FAST, ...options });
    open.push(hook);
    return hook;
  };
  const come = (count: number) => waitFor(() => receiver.received.length >= count, { what: `${count} requests` });

  it('is told in JSON, signed, with user and password as a header and nowhere else', async () => {
    const address = receiver.url.replace('http://', 'http://ops:hidden%20word@');
    const hook = hookTo(`${address}/hook?token=t0ken`, { secret: 's3cret' });
    void hook.offer([{ event: 'raised', village: 'kano', code: 'silent' }]);
    await come(1);
    const [one] = receiver.received;
    expect(one?.path).to.equal('/hook?token=t0ken');
    expect(one?.body.alerts).to.deep.equal([{ event: 'raised', village: 'kano', code: 'silent' }]);
    expect(one?.headers['content-type']).to.equal('application/json');
    expect(one?.headers.authorization).to.equal(`Basic ${Buffer.from('ops:hidden word').toString('base64')}`);
    const signed = `${one?.headers['x-solar-timestamp']}.${one?.text}`;
    const expected = createHmac('sha256', 's3cret').update(signed).digest('hex');
    expect(one?.headers['x-solar-signature']).to.equal(`sha256=${expected}`);
    await waitFor(() => hook.counts.delivered === 1, { what: 'it to be counted' });
  });

  it('is tried again with the same id until it takes them, and then told what came meanwhile', async () => {
    receiver.answer = () => (receiver.received.length < 4 ? 500 : 200);
    const hook = hookTo(receiver.url);
    const offers = [hook.offer([{ n: 1 }]), hook.offer([{ n: 2 }, { n: 3 }])];
    expect(await Promise.all(offers)).to.deep.equal([true, true]);
    expect(hook.counts.delivered).to.equal(3);
    const told = receiver.received.map(({ body }) => body.alerts);
    expect(told).to.deep.equal([[{ n: 1 }], [{ n: 1 }], [{ n: 1 }], [{ n: 1 }], [{ n: 2 }, { n: 3 }]]);
    expect(new Set(receiver.received.map(({ body }) => body.id)).size).to.equal(2);
  });

  it('is not followed anywhere else', async () => {
    receiver.answer = () => 307;
    const hook = hookTo(`${receiver.url}/hook`);
    const given = hook.offer([{ n: 1 }]);
    await waitFor(() => hook.counts.dropped === 1, { what: 'it to be given up' });
    expect(new Set(receiver.received.map(({ path }) => path))).to.deep.equal(new Set(['/hook']));
    expect(receiver.received.length).to.equal(13);
    // Nobody need try that again.
    expect(await given).to.equal(true);
  });

  it('that is dead or never answers is given up in the end, bounded, and its address is in no log', async () => {
    receiver.answer = () => undefined;
    const address = receiver.url.replace('http://', 'http://ops:hidden@');
    const hook = hookTo(`${address}/s3cret-path`, { times: { ...FAST, deadlineMs: 20 } });
    void hook.offer(Array.from({ length: 5_000 }, (_, n) => ({ n })));
    expect(hook.queued).to.be.at.most(1_000);
    await waitFor(() => hook.counts.dropped === 5_000, { what: 'all to be given up', timeoutMs: 20_000 });
    expect(receiver.received[0]?.body.alerts[0]).to.deep.equal({ n: 4_000 });
    expect(JSON.stringify(log.lines))
      .to.include('given up')
      .and.to.not.match(/hidden|s3cret|ops/);
  });

  it('ends at once when the centre does, and says what is not told', async () => {
    receiver.answer = () => undefined;
    const hook = hookTo(receiver.url, { times: { deadlineMs: 60_000, firstDelayMs: 60_000, longestDelayMs: 60_000 } });
    const under = hook.offer([{ n: 1 }]);
    const waiting = hook.offer([{ n: 2 }]);
    await come(1);
    const startMs = performance.now();
    await hook.close();
    expect(performance.now() - startMs).to.be.below(5_000);
    expect(await Promise.all([under, waiting, hook.offer([{ n: 3 }])])).to.deep.equal([false, false, false]);
  });

  it('must be an address of HTTP, and few of them', () => {
    for (const text of ['ftp://a.example/x', 'nonsense', 'https://a.example https://', 'http://a/,'.repeat(11)]) {
      expect(webhookTargets.safeParse(text).success, text).to.equal(false);
    }
    const targets = webhookTargets.parse('https://a.example/x, http://10.0.0.1:8080/y');
    expect(targets.map(({ url, host }) => [url, host])).to.deep.equal([
      ['https://a.example/x', 'a.example'],
      ['http://10.0.0.1:8080/y', '10.0.0.1:8080'],
    ]);
  });
});
