/** Schemas of what a node says of itself, of its runs and of its store. */
import { z } from 'zod';
import { SHOWN_CODES } from '../../../shared/app-error.js';
import { count, describing, instant, telemetryDocumentSchema } from '../../../shared/openapi/answers.js';
import type { CleanupReport } from '../../ledger/space-keeper.js';
import type { LinkErrorReport } from '../../link/link-error.js';
import type { Alert } from '../../monitor/alerts/alert.js';
import type { LatestReading } from '../../monitor/latest-readings.js';
import type { Figures } from '../../monitor/stats/stats-book.js';
import type { OneShotProgress, OneShotResult } from '../../push/one-shot.js';
import type { OneShotError } from '../../push/one-shot-error.js';
import type { QuarantineItem } from '../../push/quarantine-store.js';
import type { AlertList } from '../alerts.js';
import type { BookkeepingLine, CheckDoneLine, RepairedLine, SegmentLine } from '../check.js';
import type { NodeStats } from '../stats.js';
import type { NodeStatus } from '../status.js';

const message = z.string().describe('One sentence');

const linkErrorSchema = describing<LinkErrorReport>()(
  z.object({
    tag: z.enum(['TIMEOUT', 'CONNECTION_ERROR', 'DNS_ERROR', 'TLS_ERROR', 'HTTP_ERROR', 'REQUEST_ERROR']),
    status: z.exactOptional(z.int()).describe('HTTP status, where there was an answer'),
    retryable: z.boolean().describe('Whether trying the same again is worth it'),
    message,
  }),
);

const alertSchema = describing<Alert>()(
  z.object({
    code: z.enum([
      ...(['pending', 'storage', 'quarantine', 'lost', 'blocked', 'refusals', 'tls-clock', 'clock'] as const),
      ...(['repaired', 'no-forced-sync', 'registry', 'stalled', 'threshold'] as const),
    ]),
    severity: z.enum(['warning', 'critical']),
    since: instant,
    message,
    subject: z
      .exactOptional(z.string())
      .describe('What it is about, where there may be several of one code; of `lost` how many documents'),
  }),
);

export const alertListSchema = describing<AlertList>()(
  z.object({
    items: z.array(alertSchema).describe('Open now'),
    history: z
      .array(alertSchema.extend({ clearedAt: instant }))
      .describe('The last hundred that have gone, the latest first'),
  }),
);

const figuresSchema = describing<Figures>()(
  z.object({
    acknowledged: count.describe('Readings and predictions that were new and are on the disk'),
    sent: count.describe("Documents the centre has taken, the node's own events among them"),
    refused: count,
    bytesSent: count,
    bytesReceived: count,
    batches: count,
    attempts: z.record(z.string(), count).describe('Pushes by how they ended: `ok`, or the tag of the failure'),
  }),
);

export const statsSchema = describing<NodeStats>()(
  z.object({
    ...{ village: z.string(), node: z.string() },
    since: instant.describe('When counting began'),
    now: z.object({
      ...{
        pending: count,
        oldestPendingAt: z.exactOptional(instant),
        quarantined: count,
        lost: count,
        confirmed: count,
      },
    }),
    totals: figuresSchema,
    days: z.array(figuresSchema.extend({ day: z.string().describe('Of UTC; `unsure` while the clock was') })),
  }),
);

const storeSchema = describing<NodeStatus['store']>()(
  z.object({
    pending: count.describe('Documents not yet delivered, without the quarantined'),
    oldestPendingAt: z.exactOptional(instant),
    lastSeq: count,
    segments: count,
    quarantined: count.describe('Documents the centre refused'),
    lost: count.describe('Documents lost to damage'),
    bytes: count,
    capacityBytes: count,
    usedPct: z.number().min(0),
  }),
);

const syncSchema = describing<NodeStatus['sync']>()(
  z.object({
    state: z.string().describe('`offline`, `connecting`, `draining`, `live`, `waiting`, `blocked` or `stopped`'),
    mode: z.string().describe('`live` or `scheduled`'),
    pausedBy: z.exactOptional(z.array(z.string())).describe('Why no push begins by itself'),
    lastSuccessAt: z.exactOptional(instant),
    lastForcedSuccessAt: z.exactOptional(instant).describe('When a forced replication last succeeded whole'),
    lastAttemptAt: z.exactOptional(instant),
    nextScheduledAt: z.exactOptional(instant).describe('The next time of the schedule'),
    nextForcedAt: z
      .exactOptional(instant)
      .describe('The next one that is not skipped because a forced one succeeded shortly before'),
    docsSent: count,
    bytesSent: count,
    bytesReceived: count,
  }),
);

const setAsideSchema = z.object({ id: z.string(), reason: z.string(), lastTriedAt: instant });

const registryStatusSchema = describing<NodeStatus['registry']>()(
  z.object({
    state: z.enum(['idle', 'syncing', 'live', 'waiting', 'offline', 'blocked', 'absent', 'stopped', 'local']),
    lastSyncAt: z.exactOptional(instant),
    pendingEdits: count.describe('Documents edited here that the centre does not hold yet'),
    refused: count,
    refusals: z.exactOptional(z.array(setAsideSchema)),
    unfetched: z.exactOptional(count).describe('Documents of the centre that cannot be fetched'),
    unfetchedDocuments: z.exactOptional(z.array(setAsideSchema)),
    lastError: z.exactOptional(z.union([linkErrorSchema, z.object({ message })])),
  }),
);

export const latestReadingSchema = describing<LatestReading>()(
  z.object({
    device: z.string(),
    at: instant,
    clock: z.exactOptional(z.literal('unsure')),
    values: z.record(z.string(), z.unknown()).describe('What was measured, by name'),
  }),
);

export const statusSchema = describing<NodeStatus>()(
  z.object({
    village: z.string(),
    node: z.string().describe('Random name of this store'),
    version: z.string(),
    clock: z.enum(['sure', 'unsure']),
    store: storeSchema,
    link: z.object({
      state: z.enum(['online', 'offline', 'blocked', 'unknown']),
      since: instant,
      lastError: z.exactOptional(linkErrorSchema),
    }),
    sync: syncSchema,
    registry: registryStatusSchema,
    alerts: z.array(alertSchema),
  }),
);

const oneShotErrorSchema = describing<OneShotError>()(
  z.union([
    linkErrorSchema,
    z.object({
      code: z.enum(['deadline', 'quarantined', 'refused', 'stopping', 'storage_failed']),
      retryable: z.boolean(),
      message,
    }),
  ]),
);

const progressSchema = describing<OneShotProgress>()(
  z.object({
    event: z.literal('progress'),
    sent: count.describe('Documents delivered since the call'),
    pending: count,
    attempt: count.describe('From 1; starts anew with progress'),
    error: z.exactOptional(oneShotErrorSchema).describe('Why the last attempt failed'),
  }),
);

const doneSchema = describing<OneShotResult>()(
  z.object({
    event: z.literal('done'),
    ok: z.boolean().describe('Everything accepted before the call is delivered, and nothing was refused'),
    sent: count,
    pending: count,
    quarantined: count.describe('Documents refused one by one in this run'),
    error: z.exactOptional(oneShotErrorSchema),
    registry: z.exactOptional(oneShotErrorSchema).describe('Why the registry was not synchronised'),
  }),
);

/** A line of `POST /v1/replicate`; before the first attempt a heartbeat is an empty object. */
export const replicateLineSchema = z.union([progressSchema, doneSchema, z.strictObject({})]);

export const quarantineItemSchema = describing<QuarantineItem>()(
  z.object({
    id: z.string(),
    reason: z.string().describe("The centre's"),
    since: instant,
    tries: count,
    lastTriedAt: z.exactOptional(instant),
    doc: telemetryDocumentSchema,
  }),
);

export const cleanupSchema = describing<CleanupReport>()(
  z.object({
    segments: count.describe('Deleted'),
    documents: count.describe('In them'),
    bytes: count.describe('Of their files'),
    usedBytes: count.describe('What the store takes now'),
    kept: z.object({ unconfirmed: count, notDue: count, open: count }),
    failed: z.exactOptional(z.array(z.object({ segment: count, message }))),
  }),
);

const range = z.tuple([count, count]).describe('Both ends inclusive');
const sentences = z.array(z.string()).describe('A sentence for each thing that is not as it was written');

const segmentLineSchema = describing<SegmentLine>()(
  z.object({
    event: z.literal('segment'),
    segment: count,
    node: z.string(),
    firstSeq: z.int(),
    lastSeq: z.int(),
    documents: count.describe('Whole and in their place'),
    missing: z.array(range).describe('Accounted for nowhere'),
    lost: z.array(range).describe('Counted as lost already'),
    elsewhere: z.array(range).describe('Delivered, void or in quarantine'),
    damaged: sentences,
    ok: z.boolean(),
  }),
);

const repairedLineSchema = describing<RepairedLine>()(
  z.object({
    event: z.literal('repaired'),
    segment: count,
    kept: count,
    lost: z.array(range),
    damaged: sentences,
    ok: z.boolean(),
  }),
);

const bookkeepingLineSchema = describing<BookkeepingLine>()(
  z.object({ event: z.literal('bookkeeping'), state: z.string(), quarantine: z.string(), ok: z.boolean() }),
);

const checkDoneSchema = describing<CheckDoneLine>()(
  z.object({
    event: z.literal('done'),
    ok: z.boolean(),
    segments: count,
    documents: count,
    damaged: count.describe('Segments in which something is damaged or missing'),
    missing: count,
    lost: count,
    repaired: z.exactOptional(count).describe('Segments, of a repair alone'),
    error: z.exactOptional(z.object({ code: z.enum(SHOWN_CODES), message })).describe('Why it ended early'),
  }),
);

export const checkLineSchema = z.union([segmentLineSchema, repairedLineSchema, bookkeepingLineSchema, checkDoneSchema]);

export const NODE_SCHEMAS = {
  NodeStatus: statusSchema,
  LinkError: linkErrorSchema,
  Alert: alertSchema,
  Figures: figuresSchema,
  RunError: oneShotErrorSchema,
  RunProgress: progressSchema,
  RunResult: doneSchema,
  QuarantineItem: quarantineItemSchema,
  CleanupReport: cleanupSchema,
  CheckedSegment: segmentLineSchema,
  RepairedSegment: repairedLineSchema,
  CheckedBookkeeping: bookkeepingLineSchema,
  CheckResult: checkDoneSchema,
} as const;
