import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { describe, it } from 'mocha';
import { pageSecurityHeaders, securityHeaders } from '../../../shared/http/security-headers.js';

/** The headers an application sends of its own accord, as name and value. */
async function headersOf(tls: boolean, make = securityHeaders): Promise<Map<string, string>> {
  const app = express();
  app.disable('x-powered-by');
  app.use(make({ tls }));
  app.get('/', (_request, response) => void response.status(204).end());
  const server = http.createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const notOurs = new Set(['date', 'connection', 'keep-alive']);
    return new Map([...answer.headers].filter(([name]) => !notOurs.has(name)));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('the security headers', () => {
  it('forbid everything a page could do, and insist on no TLS that is not spoken', async () => {
    expect(Object.fromEntries(await headersOf(false))).to.deep.equal({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  it('make browsers stay with TLS where it is spoken', async () => {
    const headers = await headersOf(true);
    expect(headers.get('strict-transport-security')).to.match(/^max-age=\d{8,}/);
    expect(headers.get('content-security-policy')).to.match(/;upgrade-insecure-requests$/);
  });

  it('cost a village at most 300 bytes an answer', async () => {
    for (const tls of [false, true]) {
      const bytes = [...(await headersOf(tls))].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
      expect(bytes).to.be.at.most(300);
    }
  });

  it('let a page load from its own origin alone, and nothing inline', async () => {
    const headers = await headersOf(false, pageSecurityHeaders);
    const policy = headers.get('content-security-policy')?.split(';') ?? [];
    expect(policy).to.include.members(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]);
    for (const directive of policy) {
      const [name, ...sources] = directive.split(' ');
      for (const source of sources) expect(source, name).to.be.oneOf(["'none'", "'self'", "'script'"]);
    }
    expect([...headers.keys()].sort()).to.deep.equal([
      ...['content-security-policy', 'cross-origin-resource-policy', 'referrer-policy', 'x-content-type-options'],
    ]);
    expect((await headersOf(true, pageSecurityHeaders)).has('strict-transport-security')).to.equal(true);
  });
});
