/** Runs each program of `docs/clients/` against a real node, behind a link with faults, and a real centre. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { DocumentedSite } from './documented-site.js';

const CLIENTS = fileURLToPath(new URL('../../../docs/clients/', import.meta.url));
const BUILT = fileURLToPath(new URL('../../docs/clients/', import.meta.url));

interface Client {
  language: string;
  /** What it takes; a test is left out where it is not there. */
  program: string;
  needs: readonly string[];
  file(name: 'edge' | 'centre'): string;
}

const LANGUAGES: readonly Client[] = [
  { language: 'curl', program: 'bash', needs: ['bash', 'curl'], file: (name) => `${CLIENTS}${name}.sh` },
  { language: 'Python', program: 'python3', needs: ['python3'], file: (name) => `${CLIENTS}${name}.py` },
  { language: 'TypeScript', program: process.execPath, needs: [], file: (name) => `${BUILT}${name}.js` },
];

/** What the program printed, line by line. Fails unless it exits with 0. */
async function run(program: string, file: string, cwd: string, env: Record<string, string>): Promise<unknown[]> {
  const child = spawn(program, [file], { cwd, env: { PATH: process.env.PATH, HOME: cwd, ...env } });
  let [printed, complaints] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    printed += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    complaints += part;
  });
  const [code] = await once(child, 'close');
  expect(code, `${file}\n${printed}\n${complaints}`).to.equal(0);
  const lines = printed.split('\n').filter((line) => line !== '');
  return lines.map((line): unknown => JSON.parse(line));
}

interface FaultyLink {
  url: string;
  posts(): number;
  close(): Promise<void>;
}

/** Before a node: the first readings are answered 503, the second ones arrive and the answer is lost. */
async function faultyLink(nodeUrl: string): Promise<FaultyLink> {
  let posts = 0;
  const server = http.createServer((request, response) => {
    const isReadings = request.method === 'POST' && request.url === '/v1/readings';
    const turn = isReadings ? ++posts : 0;
    if (turn === 1) {
      request.resume();
      response.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '1' });
      response.end('{"error":{"code":"busy","message":"not now"}}');
      return;
    }
    const { hostname, port } = new URL(nodeUrl);
    const { method, url: path, headers } = request;
    const forwarded = http.request({ hostname, port, method, path, headers }, (answer) => {
      if (turn === 2) {
        answer.resume().once('end', () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.once('error', () => request.socket.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts: () => posts,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

for (const { language, program, needs, file } of LANGUAGES) {
  const missing = needs.filter((one) => spawnSync(one, ['--version']).error);
  const left = missing.length > 0 ? ` (skipped: ${missing.join(', ')} not found)` : '';

  describe(`the examples of docs/clients/ in ${language}${left}`, () => {
    if (missing.length > 0) {
      it.skip('are run');
      return;
    }

    it('post over a bad link without losing or doubling, list, tell, deliver and edit', async () => {
      const site = await DocumentedSite.start('embedded');
      const link = await faultyLink(site.nodeUrl);
      const folder = await createTempFolder();
      try {
        const printed = await run(program, file('edge'), folder, { NODE: link.url });
        const [taken, list, status, result, device] = printed as Record<string, unknown>[];
        expect(link.posts()).to.equal(3);
        expect(taken).to.include({ accepted: 0, duplicates: 2 });
        expect(list?.items).to.have.nested.property('[0].powerW', 412.5);
        expect(status).to.have.nested.property('store.pending').that.is.greaterThan(1);
        expect(result).to.include({ event: 'done', ok: true, pending: 0 });
        expect(device).to.include({ _id: 'device:meter-7', serial: '24-0117', phase: 2 });
        const again = await run(program, file('edge'), folder, { NODE: link.url });
        expect(again[0]).to.include({ accepted: 0, duplicates: 2 });
      } finally {
        await link.close();
        await site.stop();
        await removeFolder(folder);
      }
    }).timeout(60_000);

    it('read villages, readings, what arrived since and energy from the centre', async () => {
      const site = await DocumentedSite.start('embedded');
      const folder = await createTempFolder();
      try {
        await site.deliverDay();
        const env = { CENTRE: site.centre.url, TOKEN: site.centre.tokens.analyst };
        const printed = await run(program, file('centre'), folder, env);
        const [villages, village, ...rest] = printed as Record<string, unknown>[];
        expect(villages).to.have.nested.property('items[0].id', 'bamenda');
        expect(village).to.have.nested.property('numbers.missing.lost', 0);
        expect(rest.slice(0, 24).map(({ energyKwh }) => energyKwh)).to.deep.equal(
          Array.from({ length: 24 }, (_, n) => n),
        );
        expect(village).to.have.nested.property('numbers.held', rest[24]);
        expect(rest[25]).to.have.nested.property('devices[0].device', 'meter-7');
        const again = await run(program, file('centre'), folder, env);
        expect(again[26], 'what was handed on before').to.equal(0);
      } finally {
        await site.stop();
        await removeFolder(folder);
      }
    }).timeout(60_000);
  });
}
