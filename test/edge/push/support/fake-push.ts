/** A controller over a push that does what a test says, on a clock the test moves. */
import { mock } from 'node:test';
import type { NumberRange } from '../../../../edge/ledger/number-ranges.js';
import { ConnectivityMonitor } from '../../../../edge/monitor/connectivity.js';
import { PushController, type PushControllerOptions } from '../../../../edge/push/push-controller.js';
import { capturedLog } from '../../../support/captured-log.js';
import { SettableClock } from '../../../support/settable-clock.js';

export interface FakeRun {
  fresh: boolean;
  signal: AbortSignal;
  end(): void;
  fail(error: Error): void;
}

interface FakeSegment {
  pending: number;
  damage: Error | undefined;
  delivery: { deliveredSeq: number; quarantined: NumberRange[] };
}

export class FakePush {
  readonly clock = new SettableClock(Date.parse('2026-03-01T00:00:00Z'));
  readonly captured = capturedLog();
  readonly connectivity: ConnectivityMonitor;
  readonly controller: PushController;
  /** Every run begun, oldest first. */
  readonly runs: FakeRun[] = [];
  readonly segment: FakeSegment = { pending: 0, damage: undefined, delivery: { deliveredSeq: 0, quarantined: [] } };
  readonly counters = { bytesSent: 0, bytesReceived: 0, requests: 0, asideRequests: 0, asideBytes: 0 };
  readonly totals = { sent: 0, held: 0, quarantined: 0 };
  writable = true;
  retryDue = false;
  probes = 0;
  /** What trying to open a store that cannot be written comes to. */
  heal: () => Promise<void> = async () => undefined;
  #onBatch: () => void = () => undefined;
  #onAppended: () => void = () => undefined;

  constructor({ live = true } = {}) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const { clock } = this;
    this.connectivity = new ConnectivityMonitor({
      intervalMs: 30_000,
      now: () => clock.now(),
      probe: async () => {
        this.probes++;
        this.exchange();
      },
    });
    const options = {
      ...{ clock, connectivity: this.connectivity, log: this.captured.log, live },
      pusher: {
        totals: this.totals,
        run: (fresh: boolean, signal: AbortSignal) => this.#run(fresh, signal),
        onBatch: (listener: () => void) => {
          this.#onBatch = listener;
          return () => undefined;
        },
        writeCheckpoints: async () => undefined,
        openFreshLane: async () => undefined,
      },
      ledger: this.#ledger(),
      quarantine: { isRetryDue: () => this.retryDue },
      link: { counters: this.counters },
      state: {
        syncHistory: async () => ({ docsSent: 0, bytesSent: 0, bytesReceived: 0 }),
        writeSyncHistory: async () => undefined,
      },
      rules: { probeIntervalMs: 30_000, random: () => 0.5 },
      watchdog: { stillMs: 150_000 },
    };
    this.controller = new PushController(options as unknown as PushControllerOptions);
  }

  get lastRun(): FakeRun {
    const last = this.runs.at(-1);
    if (!last) throw new Error('no run has begun');
    return last;
  }

  async start(): Promise<void> {
    await this.connectivity.start();
    await this.controller.start();
  }

  async stop(): Promise<void> {
    const stopping = this.controller.stop();
    await this.pass(11_000);
    await stopping;
    await this.connectivity.stop();
    mock.timers.reset();
  }

  /** Lets time pass in steps of a second. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      this.clock.pass(1_000);
      mock.timers.tick(1_000);
      await settle();
    }
  }

  exchange(): void {
    this.counters.requests++;
    this.connectivity.exchangeBegan();
    this.connectivity.exchangeEnded('answered');
  }

  /** The centre answers for a batch. */
  batch({ sent = 0, held = 0, quarantined = 0 }): void {
    this.exchange();
    this.totals.sent += sent;
    this.totals.held += held;
    this.totals.quarantined += quarantined;
    this.#onBatch();
  }

  append(): void {
    this.segment.pending++;
    this.#onAppended();
  }

  #run(fresh: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.runs.push({ fresh, signal, end: resolve, fail: reject });
    });
  }

  #ledger(): object {
    const push = this;
    return {
      get writable() {
        return push.writable;
      },
      get pending() {
        return push.segment.pending;
      },
      segments: [this.segment],
      heal: () => push.heal(),
      onAppended: (listener: () => void) => {
        push.#onAppended = listener;
        return () => undefined;
      },
    };
  }
}

/** Lets everything run that waits for no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
