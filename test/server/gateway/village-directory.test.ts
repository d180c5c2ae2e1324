import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createCredential, hashCredential, verifyCredential } from '../../../server/gateway/credential.js';
import { VillageDirectory } from '../../../server/gateway/village-directory.js';
import type { CentralStore, VillageRecord } from '../../../server/store/contract.js';
import { AppError } from '../../../shared/app-error.js';

const password = createCredential();

/** A directory over one village, with a clock and a store that the test moves. */
function directoryOf() {
  const state = { nowMs: 0, reads: 0, fails: false };
  const record: VillageRecord = { id: 'kano', credentialHash: hashCredential(password), createdAt: '' };
  const villages = {
    get: async (id: string) => {
      state.reads++;
      if (state.fails) throw new AppError('unavailable', 'the database is down');
      return id === 'kano' ? { ...record } : undefined;
    },
  };
  const clock = { now: () => 0, monotonic: () => state.nowMs };
  const directory = new VillageDirectory({ store: () => ({ villages }) as unknown as CentralStore, clock });
  return { directory, state, record };
}

describe('a credential', () => {
  it('is random, fits its own hash alone, and cannot be read from it', () => {
    const hash = hashCredential(password);
    expect(Buffer.from(password, 'base64url')).to.have.length(24);
    expect(hash)
      .to.match(/^sha256\$[\w-]{22}\$[\w-]{43}$/)
      .and.not.include(password);
    expect(hashCredential(password)).to.not.equal(hash);
    expect(verifyCredential(password, hash)).to.equal(true);
    for (const [given, kept] of [
      [createCredential(), hash],
      ['', hash],
      [password, ''],
      [password, 'sha256$a$'],
      [password, hash.replace('sha256', 'none')],
    ] as const) {
      expect(verifyCredential(given, kept)).to.equal(false);
    }
  });
});

describe('the directory of villages', () => {
  it('asks the store once for many requests, and again after three seconds', async () => {
    const { directory, state } = directoryOf();
    const many = await Promise.all(Array.from({ length: 50 }, () => directory.authenticate('KANO', password)));
    expect(many.every((one) => one.ok)).to.equal(true);
    expect(state.reads).to.equal(1);
    state.nowMs = 2_999;
    await directory.authenticate('kano', password);
    expect(state.reads).to.equal(1);
    state.nowMs = 3_000;
    await directory.authenticate('kano', password);
    expect(state.reads).to.equal(2);
  });

  it('knows within 3 s that another gateway has disabled a village, and at once that this one has', async () => {
    const { directory, state, record } = directoryOf();
    const attempt = () => directory.authenticate('kano', password).catch((error: AppError) => error.code);
    expect(await attempt()).to.deep.equal({ ok: true, village: 'kano' });
    record.disabledAt = '2026-03-01T00:00:00.000Z';
    state.nowMs = 3_000;
    expect(await attempt()).to.equal('forbidden');
    delete record.disabledAt;
    directory.forget('kano');
    expect(await attempt()).to.deep.equal({ ok: true, village: 'kano' });
  });

  it('tells a wrong credential of a known village from nothing else, and remembers no failure of the store', async () => {
    const { directory, state } = directoryOf();
    expect(await directory.authenticate('kano', 'wrong')).to.deep.equal({ ok: false, village: 'kano' });
    expect(await directory.authenticate('nowhere', password)).to.deep.equal({ ok: false });
    expect(await directory.authenticate('../kano', password)).to.deep.equal({ ok: false });
    directory.forget('kano');
    state.fails = true;
    expect(await directory.authenticate('kano', password).catch((error: AppError) => error.code)).to.equal(
      'unavailable',
    );
    state.fails = false;
    expect(await directory.authenticate('kano', password)).to.deep.equal({ ok: true, village: 'kano' });
  });
});
