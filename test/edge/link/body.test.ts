import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Link } from '../../../edge/link/link.js';

describe("a request's body and headers", () => {
  let server: http.Server;
  let handler: http.RequestListener;
  let link: Link;

  beforeEach(async () => {
    server = http.createServer((request, response) => handler(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    link = new Link({ url, user: 'bamenda', password: 'secret', timeoutMs: 5_000 });
  });

  afterEach(async () => {
    link.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('sends Brotli to a centre that takes it, from when it is told until it is told otherwise', async () => {
    const seen: unknown[] = [];
    handler = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const coding = request.headers['content-encoding'];
      const inflate = coding === 'br' ? brotliDecompressSync : gunzipSync;
      seen.push([coding, JSON.parse(inflate(Buffer.concat(chunks)).toString('utf8'))]);
      const answer = brotliCompressSync('{"ok":true}');
      if (request.headers['accept-encoding']?.includes('br')) response.setHeader('Content-Encoding', 'br').end(answer);
      else response.end('{"ok":true}');
    };
    const body = { docs: Array.from({ length: 50 }, (_, n) => ({ _id: `a:${n}`, powerW: n / 4 })), new_edits: false };
    for (const accepted of [false, true, false]) {
      link.useBrotli(accepted);
      const answer = await link.request({ method: 'POST', path: '/', body });
      expect(answer.json).to.deep.equal({ ok: true });
    }
    expect(seen).to.deep.equal([
      ['gzip', body],
      ['br', body],
      ['gzip', body],
    ]);
  });

  it('sends a body encoded ahead as it is, as often as needed', async () => {
    const lengths: number[] = [];
    handler = (request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      request.on('end', () => {
        lengths.push(length);
        response.end('{}');
      });
    };
    const body = await link.encode({ text: 'x'.repeat(10_000) });
    const answers = [1, 2].map(() => link.request({ method: 'POST', path: '/', body }));
    const sent = (await Promise.all(answers)).map(({ sentBytes }) => sentBytes);
    expect(body.plainBytes).to.equal(10_011);
    expect([lengths, sent]).to.deep.equal([
      [body.bytes.length, body.bytes.length],
      [body.bytes.length, body.bytes.length],
    ]);
  });

  it('sends no header that is not needed', async () => {
    let names: string[] = [];
    handler = (request, response) => {
      names = request.rawHeaders.filter((_, index) => index % 2 === 0).sort();
      request.resume().on('end', () => response.end('{}'));
    };
    await link.request({ method: 'POST', path: '/', body: { text: 'x'.repeat(10_000) } });
    expect(names).to.deep.equal([
      ...['Accept-Encoding', 'Authorization', 'Content-Encoding', 'Content-Length', 'Content-Type', 'Host'],
    ]);
  });
});
