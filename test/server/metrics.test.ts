import http from 'node:http';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Centre, json, type VillageLogin } from './support/centre.js';
import { readings } from './support/documents.js';

describe("the centre's metrics", () => {
  let centre: Centre;
  let kano: VillageLogin;

  before(async () => {
    centre = await Centre.start('embedded');
    kano = await centre.addVillage('kano');
  });
  after(() => centre.stop());

  const lines = async () => (await (await fetch(`${centre.url}/metrics`)).text()).split('\n');
  const figure = async (name: string) => {
    const line = (await lines()).find((one) => one.startsWith(`solar_central_${name} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  };

  it('are for this machine, and for whoever has a token', async () => {
    expect((await fetch(`${centre.url}/metrics`)).headers.get('content-type')).to.match(
      /^text\/plain; version=0\.0\.4/,
    );
    // Somebody else, by way of a proxy on this machine.
    const forwarded = { 'X-Forwarded-For': '203.0.113.9' };
    expect((await centre.anonymous('/metrics', { headers: forwarded })).status).to.equal(401);
    expect((await centre.as(kano, '/metrics', { headers: forwarded })).status).to.equal(403);
    expect((await centre.analyst('/metrics', { headers: forwarded })).status).to.equal(200);
    expect((await centre.anonymous('/metrics', { method: 'POST' })).status).to.equal(405);
  });

  it('take a token from everybody where there are proxies, which need not say for whom they ask', async () => {
    const behind = await Centre.start('embedded', { config: { trustedProxies: 1 } });
    try {
      expect((await behind.anonymous('/metrics')).status).to.equal(401);
      expect((await behind.analyst('/metrics')).status).to.equal(200);
    } finally {
      await behind.stop();
    }
  });

  it('count requests, documents, batches, refusals by kind, and bytes', async () => {
    const [good, foreign, changed, deleted, wrong] = readings('kano', 5);
    const docs = [
      good,
      { ...foreign, village: 'jos' },
      { ...good, _rev: '1-abcdef' },
      { ...deleted, _deleted: true },
      { ...wrong, device: 'other' },
      { ...changed, seq: 0 },
    ];
    const taken = await centre.as(kano, '/telemetry/_bulk_docs', json({ docs, new_edits: false }));
    expect(taken.status).to.equal(201);
    expect(await figure('documents_total')).to.equal(1);
    for (const reason of ['village', 'rewrite', 'deletion', 'id', 'form']) {
      expect(await figure(`refused_documents_total{reason="${reason}"}`), reason).to.equal(1);
    }
    const labels = 'route="/telemetry/_bulk_docs",method="POST",status="201"';
    expect(await figure(`requests_total{${labels}}`)).to.equal(1);
    const sentBytes = JSON.stringify({ docs, new_edits: false }).length;
    expect(await figure('body_bytes_total{form="sent"}')).to.equal(sentBytes);
    expect(await figure('batch_documents_count')).to.equal(1);
    expect(await figure('batch_documents_sum')).to.equal(docs.length);
    expect(await figure('batch_documents_bucket{le="10"}')).to.equal(1);
    expect(await figure('batch_documents_bucket{le="3"}')).to.equal(0);
    expect(await figure('batch_duration_seconds_count')).to.equal(1);
    expect(await figure('batch_duration_seconds_sum'))
      .to.be.above(0)
      .and.below(60);
    expect(await figure('arriving_body_bytes')).to.equal(0);
    expect(await figure('bodies_waiting')).to.equal(0);
    expect(await figure('resident_bytes')).to.be.above(1e7);
    expect(await figure('event_loop_delay_p99_seconds')).to.be.a('number').and.not.NaN;
  });

  it('count bytes by direction as they are on the wire, headers included, once each on a connection that stays', async () => {
    const fresh = await Centre.start('embedded');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let socket: Socket | undefined;
    const ask = (path: string, body = '') =>
      new Promise<string>((resolve, reject) => {
        const request = http.request(fresh.url + path, { method: body === '' ? 'GET' : 'POST', agent }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () => resolve(text));
        });
        request.on('socket', (used) => {
          if (socket !== undefined && used !== socket) reject(new Error('this took another connection'));
          socket = used;
        });
        request.on('error', reject).end(body);
      });
    const counted = async () => {
      const text = await ask('/metrics');
      const of = (direction: string) =>
        Number(
          new RegExp(`^solar_central_wire_bytes_total\\{direction="${direction}"\\} (\\d+)$`, 'm').exec(text)?.[1],
        );
      return [of('received'), of('sent')];
    };
    try {
      for (const path of ['/healthz', '/openapi.json', '/v1/nothing']) await ask(path);
      await ask('/healthz', 'x'.repeat(10_000));
      for (let n = 0; n < 2; n++) {
        // A scrape is counted once it is answered.
        const expected = [socket?.bytesWritten, socket?.bytesRead];
        expect(await counted()).to.deep.equal(expected);
      }
    } finally {
      agent.destroy();
      await fresh.stop();
    }
  });

  it('have as many labels as the program has routes, whatever is asked for, and name no village', async () => {
    const ask = async (method: string, path: string) => {
      await new Promise<void>((resolve, reject) => {
        const request = http.request(centre.url + path, { method }, (response) => response.resume().on('end', resolve));
        request.on('error', reject).end();
      });
    };
    for (let n = 0; n < 30; n++) {
      await ask('GET', `/nothing/${n}`);
      await ask('PROPFIND', `/v1/villages/made-up-${n}`);
      await ask('GET', `/telemetry/_local/made-up-${n}`);
      await ask('GET', `/v1/x${n}`);
    }
    await centre.analyst('/v1/villages/kano');
    await centre.as(kano, '/telemetry/_local/none');
    const shown = (await lines()).filter((line) => line.includes('requests_total{'));
    expect(shown.length).to.be.below(25);
    expect(shown.join('\n')).to.not.match(/kano|made-up|x\d/);
    expect(await figure('requests_total{route="/v1/villages/:id",method="GET",status="200"}')).to.equal(1);
    expect(await figure('requests_total{route="/telemetry/_local/:id",method="GET",status="404"}')).to.equal(1);
  });
});
