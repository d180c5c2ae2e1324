import { expect } from 'chai';
import { describe, it } from 'mocha';
import { hashCredential } from '../../../server/gateway/credential.js';
import { isCredentialOf, rotated } from '../../../server/gateway/credential-rotation.js';
import type { VillageRecord } from '../../../server/store/contract.js';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-03-01T00:00:00.000Z');

const first: VillageRecord = { id: 'kano', credentialHash: hashCredential('one'), createdAt: '' };

function rotate(record: VillageRecord, credential: string, overlapHours = 24, nowMs = NOW_MS): VillageRecord {
  return rotated(record, hashCredential(credential), { nowMs, overlapHours });
}

/** Which of the credentials are good after so many hours. */
function good(record: VillageRecord, afterHours: number): string[] {
  const nowMs = NOW_MS + afterHours * HOUR_MS;
  return ['one', 'two', 'three'].filter((credential) => isCredentialOf(record, credential, nowMs));
}

describe('a rotated credential', () => {
  it('leaves the old one good for the overlap and no longer', () => {
    const record = rotate(first, 'two');
    expect(good(record, 23.99)).to.deep.equal(['one', 'two']);
    expect(good(record, 24)).to.deep.equal(['two']);
  });

  it('ends every old one at once where no overlap is wanted', () => {
    expect(good(rotate(rotate(first, 'two'), 'three', 0), 0)).to.deep.equal(['three']);
  });

  it('keeps the one in use at the village when it is rotated twice, and no longer than was said first', () => {
    const record = rotate(rotate(first, 'two'), 'three', 48);
    expect(good(record, 23)).to.deep.equal(['one', 'two', 'three']);
    expect(good(record, 25)).to.deep.equal(['two', 'three']);
    expect(good(rotate(rotate(first, 'two'), 'three', 1), 2)).to.deep.equal(['three']);
  });

  it('keeps a bounded number of old ones, the latest', () => {
    let record = first;
    for (let n = 0; n < 20; n++) record = rotate(record, `other ${n}`);
    expect(record.previousCredentials).to.have.length(4);
    expect(isCredentialOf(record, 'other 18', NOW_MS)).to.equal(true);
    expect(isCredentialOf(record, 'one', NOW_MS)).to.equal(false);
  });

  it('is the only one of a village that was disabled', () => {
    const record = rotate({ ...rotate(first, 'two'), disabledAt: '2026-03-01T00:00:00.000Z' }, 'three');
    expect(record).to.not.have.property('disabledAt');
    expect(good(record, 0)).to.deep.equal(['three']);
  });
});
