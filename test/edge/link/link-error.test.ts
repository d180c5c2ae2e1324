import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type LinkTag, toLinkError } from '../../../edge/link/link-error.js';

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
