import { expect } from 'chai';
import { describe, it } from 'mocha';
import { useTempFolder } from '../../support/temp-folder.js';
import { upTo } from '../ledger/store-under-test.js';
import { ask, listAll, post } from './node-client.js';
import { SEGMENT_SIZES, useNodes } from './node-under-test.js';

const minute = (n: number): string => new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString();

for (const SEGMENT_MAX_DOCS of SEGMENT_SIZES) {
  describe(`GET of telemetry (rolls at ${SEGMENT_MAX_DOCS})`, () => {
    const nodes = useNodes();
    const folder = useTempFolder();

    /**
     * 30 minutes of three devices, and 10 forecasts by two models; sent newest first, so that no segment holds a range
     * of time.
     */
    async function filledNode(): Promise<string> {
      const { url } = await nodes.start(folder.path, { SEGMENT_MAX_DOCS });
      for (const n of upTo(30).reverse()) {
        const readings = ['m1', 'm1-b', 'M2'].map((device) => ({ device, at: minute(n), powerW: n }));
        expect((await post(url, 'readings', readings)).status).to.equal(201);
      }
      const forecasts = upTo(10).flatMap((n) => [
        { model: 'pv', at: minute(n), for: minute(100 + n), kw: n },
        { model: 'pv', device: 'm1', at: minute(n), for: minute(100 + n), kw: n },
        { model: 'load', at: minute(n), kw: n },
      ]);
      expect((await post(url, 'predictions', forecasts)).status).to.equal(201);
      return url;
    }

    it('is in order of time, then id, either way, and bounded by from, inclusive, and to, exclusive', async () => {
      const url = await filledNode();
      const all = (await listAll(url, 'readings')).map(({ _id }) => _id);
      const wanted = upTo(30).flatMap((n) => ['M2', 'm1-b', 'm1'].map((device) => `kano:r:${device}:${minute(n)}`));
      expect(all).to.deep.equal(wanted);
      expect((await listAll(url, 'readings', { order: 'desc' })).map(({ _id }) => _id)).to.deep.equal(wanted.reverse());
      const part = await listAll(url, 'readings', { device: 'm1', from: minute(10), to: minute(13) });
      expect(part.map(({ powerW }) => powerW)).to.deep.equal([10, 11, 12]);
      const inOffset = { device: 'm1', from: '2026-03-01T01:10:00+01:00', to: '2026-03-01T01:10:00.001+01:00' };
      expect((await listAll(url, 'readings', inOffset)).map(({ powerW }) => powerW)).to.deep.equal([10]);
      expect(await listAll(url, 'readings', { from: minute(13), to: minute(10) })).to.deep.equal([]);
      expect(await listAll(url, 'readings', { device: 'm' })).to.deep.equal([]);
    });

    it('comes in pages that join without a gap or a repeat, over segments and in both orders', async () => {
      const url = await filledNode();
      for (const order of ['asc', 'desc']) {
        const whole = await listAll(url, 'readings', { order });
        expect(whole).to.have.length(90);
        expect(await listAll(url, 'readings', { order, limit: '7' })).to.deep.equal(whole);
        expect(await listAll(url, 'readings', { order, limit: '1', device: 'm1' })).to.deep.equal(
          whole.filter(({ device }) => device === 'm1'),
        );
      }
      const exact = await ask(`${url}/v1/readings?limit=90`);
      expect(exact.body.items).to.have.length(90);
      expect(exact.body).to.not.have.property('next');
      await post(
        url,
        'readings',
        upTo(20).map((n) => ({ device: 'm9', at: minute(n), powerW: n })),
      );
      expect((await ask(`${url}/v1/readings`)).body.items, 'the limit unless given').to.have.length(100);
      const page = await ask(`${url}/v1/readings?limit=109`);
      expect(page.body.items).to.have.length(109);
      expect(page.body.next).to.be.a('string');
    });

    it('goes on behind the cursor whatever has been stored meanwhile', async () => {
      const url = await filledNode();
      const first = await ask(`${url}/v1/readings?device=m1&limit=10`);
      await post(
        url,
        'readings',
        [5, 25].map((n) => ({ device: 'm1', at: minute(n).replace('00.000', '30.000'), powerW: n + 0.5 })),
      );
      const rest = await listAll(url, 'readings', { device: 'm1', cursor: String(first.body.next) });
      const seen = [...(first.body.items ?? []), ...rest].map(({ powerW }) => powerW);
      expect(seen).to.deep.equal([...upTo(25), 25.5, 26, 27, 28, 29, 30]);
    });

    it('finds predictions by model, by device and by the time they are for', async () => {
      const url = await filledNode();
      const kw = async (parameters: Record<string, string>) =>
        (await listAll(url, 'predictions', parameters)).map((one) => one.kw);
      expect(await kw({ model: 'load' })).to.deep.equal(upTo(10));
      expect(await kw({ model: 'pv' })).to.have.length(20);
      expect(await kw({ model: 'pv', device: 'm1' })).to.deep.equal(upTo(10));
      expect(await kw({ device: 'm1' })).to.deep.equal(upTo(10));
      expect(await kw({ model: 'pv', device: 'm1', from: minute(103), to: minute(105) })).to.deep.equal([3, 4]);
      expect(await kw({ model: 'pv', from: minute(1), to: minute(20) })).to.deep.equal([]);
      expect(await kw({ model: 'p' })).to.deep.equal([]);
      expect(await listAll(url, 'readings', { model: 'pv' })).to.deep.equal([]);
    });

    it('refuses a parameter that is wrong or unknown, naming it', async () => {
      const url = await filledNode();
      const cursor = Buffer.from('kano:r:m1:yesterday').toString('base64url');
      for (const [name, query] of [
        ...['0', '1001', '-1', '1.5', 'ten', '', '1e2'].map((limit) => ['limit', `limit=${limit}`]),
        ['limit', 'limit=5&limit=6'],
        ...['now', '2026-03-01', '2026-02-30T00:00:00Z', ''].flatMap((time) => [
          ['from', `from=${time}`],
          ['to', `to=${time}`],
        ]),
        ['order', 'order=up'],
        ['device', 'device=a%3Ab'],
        ['device', 'device='],
        ['model', 'model=%00'],
        ['cursor', 'cursor=bm9wZQ'],
        ['cursor', 'cursor='],
        ['cursor', `cursor=${cursor}`],
        ['cursor', 'cursor=%ff'],
        ['limitt', 'limitt=5'],
        ['__proto__', '__proto__=5'],
        ['offset', 'limit=5&offset=5'],
      ]) {
        for (const resource of ['readings', 'predictions']) {
          const { status, body, text } = await ask(`${url}/v1/${resource}?${query}`);
          expect([query, status, body.error?.code]).to.deep.equal([query, 400, 'invalid_request']);
          expect(body.error?.message, query).to.match(new RegExp(`^the parameter ${name} `));
          expect(text).to.not.match(/\n\s+at /);
        }
      }
    });

    it('is compressed where the client takes that, and the same', async () => {
      const url = `${await filledNode()}/v1/readings`;
      const identity = await ask(url, { headers: { 'Accept-Encoding': 'identity' } });
      expect(identity.headers.get('content-encoding')).to.equal(null);
      for (const coding of ['gzip', 'br']) {
        const answer = await ask(url, { headers: { 'Accept-Encoding': coding } });
        expect(answer.headers.get('content-encoding')).to.equal(coding);
        expect(answer.headers.get('vary')).to.match(/accept-encoding/i);
        expect(Number(answer.headers.get('content-length'))).to.be.below(identity.text.length / 5);
        expect(answer.text).to.equal(identity.text);
      }
    });

    it('shows neither events nor documents of the other kind', async () => {
      const url = await filledNode();
      expect(new Set((await listAll(url, 'readings')).map(({ type }) => type))).to.deep.equal(new Set(['reading']));
      expect(new Set((await listAll(url, 'predictions')).map(({ type }) => type))).to.deep.equal(
        new Set(['prediction']),
      );
    });
  });
}
