import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Link } from '../../../edge/link/link.js';
import { LinkError } from '../../../edge/link/link-error.js';
import { selfSigned } from '../../faults/self-signed.js';
import { waitFor } from '../../support/wait-for.js';

describe('the link to a centre with TLS', () => {
  const { key, cert } = selfSigned('localhost');
  let server: https.Server;
  let resumed: boolean[];
  let connections: Socket[];
  let url: string;

  beforeEach(async () => {
    resumed = [];
    connections = [];
    server = https.createServer({ key, cert }, (request, response) => {
      request.resume().on('end', () => response.end('{"ok":true}'));
    });
    server.on('secureConnection', (socket) => resumed.push(socket.isSessionReused()));
    server.on('connection', (socket: Socket) => connections.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('resumes the session when it connects again after an idle time', async () => {
    const link = new Link({ url, user: 'bamenda', password: 'secret', timeoutMs: 5_000, ca: cert });
    try {
      for (let n = 0; n < 3; n++) {
        await link.request({ method: 'GET', path: '/' });
        server.closeIdleConnections();
        await waitFor(() => connections.every(({ destroyed }) => destroyed), { what: 'the idle connection is closed' });
      }
      expect(resumed).to.deep.equal([false, true, true]);
      const [full = 0, again = 0] = connections.map(({ bytesWritten }) => bytesWritten);
      expect(again, 'bytes down with a resumed session').to.be.below(full);
    } finally {
      link.close();
    }
  });

  it('does not speak to a centre whose certificate nobody vouches for', async () => {
    const link = new Link({ url, user: 'bamenda', password: 'secret', timeoutMs: 5_000 });
    const failure = await link.request({ method: 'GET', path: '/' }).catch((error: unknown) => error);
    link.close();
    expect(failure).to.be.instanceOf(LinkError).with.property('tag', 'TLS_ERROR');
  });
});
