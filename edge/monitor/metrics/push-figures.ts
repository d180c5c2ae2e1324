/** Figures of the push: what it sent, how its attempts ended, and what it does now. */
import type { FigureSet, LabelledValue } from '../../../shared/metrics/figures.js';
import type { SyncParts } from '../../node-parts.js';
import { ATTEMPT_RESULTS } from '../../push/attempt-counts.js';
import type { ControllerName } from '../../push/controller-state.js';

const STATES: Record<ControllerName, false> = {
  ...{ offline: false, connecting: false, draining: false, live: false, waiting: false, blocked: false },
  stopped: false,
};
const BATCH_DOCUMENTS = [1, 3, 10, 30, 100, 300, 1_000, 2_000, 4_000];
const BATCH_SECONDS = [0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

export function addPushFigures({ controller, pusher }: SyncParts, figures: FigureSet): void {
  figures.counter('sent_documents_total', 'Documents the centre has taken, since the start.', () => pusher.totals.sent);
  figures.counter(
    'refused_documents_total',
    'Documents the centre refused one by one, since the start.',
    () => pusher.totals.quarantined,
  );
  figures.counter('push_batches_total', 'Batches accounted for since the start.', () => controller.batches);
  const documents = figures.histogram('batch_documents', 'Documents of a batch the centre answered.', BATCH_DOCUMENTS);
  const seconds = figures.histogram(
    'batch_duration_seconds',
    'From handing a batch over to its answer.',
    BATCH_SECONDS,
  );
  pusher.onAnswered((answered) => {
    documents.observe(answered.documents);
    seconds.observe(answered.durationMs / 1000);
  });
  const help = 'Pushes by how they ended since the start: ok, or the tag of the failure.';
  figures.counters('push_attempts_total', help, ['result'], () =>
    ATTEMPT_RESULTS.map((result): LabelledValue => [{ result }, controller.attempts[result] ?? 0]),
  );
  figures.choice('push_state', 'state', '1 for what the controller of the push does.', () => ({
    ...STATES,
    [controller.state.name]: true,
  }));
  figures.choice('push_paused', 'reason', '1 for why no push begins by itself.', () => {
    const { pauses } = controller.state;
    return { schedule: pauses.has('schedule'), storage: pauses.has('storage'), stopping: pauses.has('stopping') };
  });
  figures.gauge('push_failures', 'Failed runs since documents last arrived.', () => controller.state.failures);
  figures.counter('push_stalls_total', 'Pushes the watchdog has begun anew since the start.', () => controller.stalls);
  figures.gauge('push_next_wake_seconds', 'Until a push begins by itself; absent when none is planned.', () => {
    const { nextWakeMs } = controller;
    return nextWakeMs === undefined ? undefined : nextWakeMs / 1000;
  });
  figures.gauge('forced_sync_timestamp_seconds', 'When a forced replication last succeeded, Unix time.', () => {
    const { lastForcedSuccessAt } = controller.history;
    return lastForcedSuccessAt === undefined ? undefined : Date.parse(lastForcedSuccessAt) / 1000;
  });
}
