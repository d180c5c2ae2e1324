/** When conflicts are counted, and that the last word about them is the right one. */
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import type { NodeReport } from '../../../server/registry/node-report.js';
import { RegistryNotes } from '../../../server/registry/registry-notes.js';
import type { CentralStore, VillageRecord } from '../../../server/store/contract.js';
import type { Registry } from '../../../shared/registry/registry.js';
import type { RegistryView } from '../../../shared/registry/registry-view.js';
import { capturedLog } from '../../support/captured-log.js';

const AT = '2026-03-01T00:00:00.000Z';
const HOUR_MS = 3_600_000;

describe('what a village record says of its registry', () => {
  let record: VillageRecord;
  let open: number;
  let counts: number;
  let updates: number;
  let monotonicMs: number;
  let onCount: () => void;
  let beforeUpdate: () => void;
  let reports: (Record<string, unknown> & { node: string })[];
  let noted: NodeReport[];
  let branched: string[];
  let profiles: RegistryView[];
  let notes: RegistryNotes;

  beforeEach(() => {
    record = { id: 'kano', credentialHash: 'x', createdAt: AT };
    [open, counts, updates, monotonicMs] = [0, 0, 0, 0];
    onCount = () => {};
    beforeUpdate = () => {};
    [reports, noted, branched, profiles] = [[], [], [], []];
    const villages = {
      get: async () => record,
      update: async (_id: string, change: (one: VillageRecord) => VillageRecord) => {
        beforeUpdate();
        updates++;
        record = change(record);
        return record;
      },
    };
    const registry = {
      conflicts: async () => {
        counts++;
        const found = Array(open).fill({});
        onCount();
        return found;
      },
      list: async () => profiles,
      reports: async () => reports,
      tend: async (ids: string[] = branched) => ids.filter((id) => branched.includes(id)),
    };
    notes = new RegistryNotes({
      store: () => ({ villages }) as unknown as CentralStore,
      registries: { of: () => registry as unknown as Registry },
      contacts: { noteReport: (_village, report) => void noted.push(report) },
      clock: { now: () => Date.parse(AT), monotonic: () => monotonicMs },
      log: capturedLog().log,
    });
  });

  it('is written when it has changed, and not otherwise', async () => {
    await notes.written('kano', ['device:m1']);
    expect([counts, updates, record.openConflicts]).to.deep.equal([1, 0, undefined]);
    open = 2;
    await notes.written('kano', ['device:m1']);
    expect([updates, record.openConflicts]).to.deep.equal([1, 2]);
    await notes.written('kano', ['tariff:t1']);
    expect(updates).to.equal(1);
    open = 0;
    await notes.written('kano', ['tariff:t1']);
    expect([updates, record.openConflicts]).to.deep.equal([2, 0]);
  });

  it('holds what the profile says as long as there is one, of it only what can be shown', async () => {
    const view = { _rev: '1-a', type: 'profile', author: 'admin', editedAt: AT, schemaVersion: 1 };
    profiles = [
      { ...view, _id: 'profile:main', id: 'main', name: 'Kano', pvKwp: 40, lat: 91, place: '', contact: { tel: 1 } },
      { ...view, _id: 'profile:old', id: 'old', name: 'Kano before' },
    ];
    await notes.edited(record, 'device:m1');
    expect(record.profile).to.equal(undefined);
    await notes.edited(record, 'profile:main');
    expect([updates, record.profile]).to.deep.equal([1, { name: 'Kano', pvKwp: 40 }]);
    await notes.edited(record, 'profile:main');
    expect([updates, record.openConflicts]).to.deep.equal([1, undefined]);
    profiles = [];
    await notes.written('kano', ['profile:main']);
    expect(updates).to.equal(2);
    expect(record).to.not.have.property('profile');
  });

  it('is right in the end where two gateways count at the same time', async () => {
    // This one counts none; before it has written so, the other one has counted and written one.
    record = { ...record, openConflicts: 3 };
    let isFirst = true;
    beforeUpdate = () => {
      if (isFirst) open = 1;
      isFirst = false;
    };
    await notes.counted('kano');
    expect(record.openConflicts).to.equal(1);
  });

  it('is counted for traces alone never, and for reports once a day', async () => {
    await notes.written('kano', ['trace:1:device:m1']);
    expect(counts).to.equal(0);
    await notes.written('kano', ['report:node1']);
    expect(counts).to.equal(1);
    monotonicMs += 19 * HOUR_MS;
    await notes.written('kano', ['report:node1', 'trace:1:device:m1']);
    expect(counts).to.equal(1);
    monotonicMs += HOUR_MS;
    await notes.written('kano', ['report:node1']);
    expect(counts).to.equal(2);
  });

  it('that could not be counted is counted with the next write, a report included', async () => {
    await notes.written('kano', ['device:m1']);
    open = 1;
    onCount = () => {
      throw new Error('the database is away');
    };
    await notes.written('kano', ['device:m1']);
    expect(record.openConflicts).to.equal(undefined);
    onCount = () => {};
    await notes.written('kano', ['report:node1']);
    expect(record.openConflicts).to.equal(1);
  });

  it('is counted for an edit of the centre where conflicts are open, or the village edited at the same time', async () => {
    await notes.edited(record, 'device:m1');
    expect(counts).to.equal(0);
    branched = ['device:m1'];
    open = 1;
    await notes.edited(record, 'device:m1');
    expect(record.openConflicts).to.equal(1);
    [branched, open] = [[], 0];
    await notes.edited(record, 'device:m1');
    expect(record.openConflicts).to.equal(0);
  });

  it('costs a few counts, however many write at once', async () => {
    await Promise.all(Array.from({ length: 50 }, () => notes.written('kano', ['device:m1'])));
    expect(counts).to.be.within(1, 2);
  });

  it('has the newest of the reports that were written, with the time they came', async () => {
    const made = (node: string, at: string) => ({ node, at, pending: 1, secret: 1 });
    reports = [made('node3', '2027-01-01T00:00:00.000Z'), made('node2', '2026-02-02T00:00:00.000Z'), made('node1', AT)];
    await notes.written('kano', ['report:node1', 'report:node2']);
    expect(noted).to.deep.equal([{ node: 'node1', at: AT, pending: 1, receivedAt: AT }]);
  });
});
