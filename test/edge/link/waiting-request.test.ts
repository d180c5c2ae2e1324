import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import { type ExchangeOutcome, ObservedLink } from '../../../edge/monitor/observed-link.js';
import { waitFor } from '../../support/wait-for.js';

describe('a request that waits for the centre to have something to say', () => {
  let server: http.Server;
  let answer: (response: http.ServerResponse) => void;
  let link: ObservedLink;
  let began: number;
  let outcomes: ExchangeOutcome[];

  beforeEach(async () => {
    [began, outcomes] = [0, []];
    server = http.createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const observer = {
      exchangeBegan: () => void began++,
      exchangeEnded: (outcome: ExchangeOutcome) => void outcomes.push(outcome),
    };
    link = new ObservedLink({ url, user: 'v', password: 'p', timeoutMs: 100 }, observer);
  });
  afterEach(async () => {
    link.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const wait = (signal?: AbortSignal) =>
    link.request({
      method: 'GET',
      path: '/x',
      waits: true,
      aside: true,
      timeoutMs: 1_500,
      ...(signal ? { signal } : {}),
    });

  it('may take as long as the centre says now and then that it is there, and nobody is exchanging anything', async () => {
    let beats = 0;
    let isAsked = false;
    answer = (response) => {
      isAsked = true;
      const timer = setInterval(() => {
        response.write('\n');
        if (++beats < 8) return;
        clearInterval(timer);
        response.end('{"results":[]}');
      }, 300);
    };
    const waiting = wait();
    await waitFor(() => isAsked, { what: 'the centre to be asked' });
    expect([began, outcomes]).to.deep.equal([0, []]);
    expect((await waiting).json).to.deep.equal({ results: [] });
    expect(beats).to.equal(8);
    expect([began, outcomes]).to.deep.equal([1, ['answered']]);
  });

  it('is given up when nothing is heard, which says nothing of the link and its rate', async () => {
    answer = () => undefined;
    const before = link.bytesPerS;
    const failure = await wait().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LinkError).and.include({ tag: 'TIMEOUT' });
    expect(link.bytesPerS).to.equal(before);
    expect([began, outcomes]).to.deep.equal([0, []]);
  });

  it('can be called off, and is counted apart from what the push asks', async () => {
    let isAsked = false;
    answer = () => {
      isAsked = true;
    };
    const controller = new AbortController();
    const waiting = wait(controller.signal).catch((error: unknown) => error);
    await waitFor(() => isAsked, { what: 'the centre to be asked' });
    controller.abort();
    expect(await waiting).to.be.instanceOf(LinkError);
    answer = (response) => void response.end('{}');
    await link.request({ method: 'GET', path: '/y', timeoutMs: 20_000 });
    const { requests, asideRequests, bytesSent, bytesReceived, asideBytes } = link.counters;
    expect([requests, asideRequests]).to.deep.equal([2, 1]);
    expect(asideBytes)
      .to.be.above(0)
      .and.below(bytesSent + bytesReceived);
  });
});
