/** The watch over a real ledger, with a registry and a queue that fail now and then. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { IngestQueue } from '../../../../edge/ledger/ingest-queue.js';
import { ThresholdWatch, type ThresholdWatchOptions } from '../../../../edge/monitor/thresholds/threshold-watch.js';
import { silentLogger } from '../../../../shared/logger.js';
import type { RegistryView } from '../../../../shared/registry/registry-view.js';
import { formatInstant, systemClock } from '../../../../shared/time.js';
import { useTempFolder } from '../../../support/temp-folder.js';
import { waitFor } from '../../../support/wait-for.js';
import { everything, openStore, type Store } from '../../ledger/store-under-test.js';

const HIGH: RegistryView = {
  ...{ _id: 'threshold:high', _rev: '1-a', type: 'threshold', id: 'high', author: 'admin', schemaVersion: 1 },
  ...{ editedAt: '2026-02-01T00:00:00.000Z', field: 'voltageV', high: 250 },
};

interface Watched {
  watch: ThresholdWatch;
  /** The registry has changed. */
  change(): void;
  send(voltageV: number): Promise<unknown>;
  told(): Promise<unknown[]>;
}

describe('the watch over thresholds', () => {
  const opened: { stop(): Promise<void> }[] = [];
  const stores: Store[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.stop();
    for (const store of stores.splice(0)) await store.close();
  });
  const folder = useTempFolder();

  async function watched(changed: Partial<ThresholdWatchOptions>): Promise<Watched> {
    const store = await openStore({ folder: folder.path });
    stores.push(store);
    const { ledger, state } = store;
    const clock = { now: () => Date.now(), monotonic: () => systemClock.monotonic(), sure: true };
    const ingest: IngestQueue = new IngestQueue({
      ...{ ledger, clock, village: 'kano', boot: 1, assertSpace: async () => undefined },
      onStored: (documents, stamp) => watch.stored(documents, stamp.clock === 'unsure'),
    });
    let change: () => void = () => undefined;
    const watch: ThresholdWatch = new ThresholdWatch({
      ...{ ledger, state, clock, ingest, log: silentLogger(), lookEveryMs: 20 },
      registry: { list: async () => [HIGH] },
      onRegistryChanged: (listener) => {
        change = () => listener({ ids: ['threshold:high'] });
        return () => undefined;
      },
      ...changed,
    });
    opened.push(watch);
    let sentMs = Date.now() - 3_600_000;
    return {
      watch,
      change: () => change(),
      send(voltageV) {
        sentMs += 100_000;
        const fields = { device: 'm1', at: formatInstant(sentMs), voltageV };
        return ingest.submit([{ type: 'reading', fields }], false);
      },
      async told() {
        const events = (await everything(ledger)).filter(({ type }) => type === 'event');
        return events.map(({ state: what, value }) => `${what} ${value}`);
      },
    };
  }

  it('holds readings that came while the registry could not be read against the thresholds afterwards', async () => {
    let isDown = false;
    const list = async () => {
      if (isDown) throw new Error('the registry is being repaired');
      return [HIGH];
    };
    const { watch, change, send, told } = await watched({ registry: { list } });
    await watch.start();
    await send(200);
    isDown = true;
    change();
    for (const value of [300, 200, 301]) await send(value);
    expect(await told()).to.deep.equal([]);
    isDown = false;
    await waitFor(async () => (await told()).length === 3, { what: 'three events' });
    expect(await told()).to.deep.equal(['raised 300', 'cleared 200', 'raised 301']);
  });

  it('tells what could not be stored later, once, and loses no reading for it', async () => {
    let failures = 0;
    const failing: ThresholdWatchOptions['ingest'] = {
      async submitEvent(...event) {
        if (failures++ < 3) throw new Error('the disk is full');
        const [store] = stores;
        await store?.ingest.submitEvent(...event);
      },
    };
    const { watch, send, told } = await watched({ ingest: failing });
    await watch.start();
    await send(300);
    await waitFor(async () => (await told()).length > 0, { what: 'the event' });
    await send(301);
    expect(await told()).to.deep.equal(['raised 300']);
    expect(failures).to.equal(4);
  });

  it('keeps what it could not tell over its end', async () => {
    const submitEvent = async () => {
      throw new Error('the disk is full');
    };
    const first = await watched({ ingest: { submitEvent } });
    await first.watch.start();
    await first.send(300);
    await waitFor(() => first.watch.alerts().length === 1, { what: 'the alert' });
    await first.watch.stop();
    for (const store of stores.splice(0)) await store.close();
    const second = await watched({});
    await second.watch.start();
    await waitFor(async () => (await second.told()).length > 0, { what: 'the event' });
    expect(await second.told()).to.deep.equal(['raised 300']);
  });

  it('begins anew over what another version kept, and writes nothing down where there are no thresholds', async () => {
    const written: unknown[] = [];
    const { watch, send } = await watched({
      registry: { list: async () => [] },
      state: {
        thresholds: { place: { node: 'abcdef', seq: 1 }, book: { other: true } as never },
        writeThresholds: async (kept) => {
          written.push(kept);
        },
      },
    });
    await watch.start();
    await send(300);
    await watch.stop();
    expect([watch.alerts(), written]).to.deep.equal([[], []]);
  });
});
