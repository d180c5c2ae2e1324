import { expect } from 'chai';
import { describe, it } from 'mocha';
import { httpError, type LinkTag, toLinkError } from '../../../edge/link/link-error.js';

describe("Node's failures", () => {
  const TAGS: Record<LinkTag, string[]> = {
    TIMEOUT: ['ETIMEDOUT'],
    CONNECTION_ERROR: ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'],
    DNS_ERROR: ['ENOTFOUND', 'EAI_AGAIN'],
    TLS_ERROR: [
      ...['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
      ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'],
    ],
    HTTP_ERROR: [],
    REQUEST_ERROR: ['EBADF', 'HPE_INVALID_CONSTANT'],
  };
  for (const [tag, codes] of Object.entries(TAGS)) {
    for (const code of codes) {
      it(`${code} is a ${tag}`, () => {
        expect(toLinkError(Object.assign(new Error('it failed'), { code }), 'https://centre').tag).to.equal(tag);
      });
    }
  }
});

describe('how long the centre asks to wait', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  const CASES: [headers: Record<string, string>, seconds: number | undefined][] = [
    [{ 'retry-after': '30' }, 30],
    // By the clock of what answers, however wrong this one is.
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:30:00 GMT', date }, 120],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:27:00 GMT', date }, undefined],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:30:00 GMT' }, undefined],
    [{ 'retry-after': 'soon', date }, undefined],
    [{ 'retry-after': '-5', date }, undefined],
    [{}, undefined],
  ];
  for (const [headers, seconds] of CASES) {
    it(`${JSON.stringify(headers)} is ${seconds ?? 'nothing'}`, () => {
      const error = httpError({ status: 503, headers, json: {} }, 'POST /', 'http://centre');
      expect(error.retryAfterS).to.equal(seconds);
    });
  }
});
