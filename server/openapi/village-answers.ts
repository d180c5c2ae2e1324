/** Schemas of what the centre answers about villages: their state, numbers, alerts and energy. */
import { z } from 'zod';
import { SHOWN_CODES } from '../../shared/app-error.js';
import { conflictSchema, count, describing, instant, telemetryDocumentSchema } from '../../shared/openapi/answers.js';
import type { ClearedVillageAlert } from '../alerts/kept-alerts.js';
import type { VillageAlert } from '../alerts/village-alert.js';
import type { ChangesPage } from '../analyst/change-routes.js';
import { NEEDS } from '../analyst/need.js';
import type { NodeView, NumberGap, NumbersView } from '../analyst/village-numbers.js';
import type { VillageView, VillageWithNumbers } from '../analyst/village-view.js';
import type { ConflictPage } from '../registry/conflict-list.js';
import type { ReportedAlert } from '../registry/node-report.js';
import type { PushOutcome } from '../registry/push-to-many.js';
import type { VillageProfile } from '../registry/village-profile.js';
import { energySchema } from './energy-answers.js';

const severity = z.enum(['info', 'warning', 'critical']);

const reportedAlertSchema = describing<ReportedAlert>()(
  z.object({
    code: z.string(),
    severity,
    since: z.exactOptional(instant),
    message: z.exactOptional(z.string()),
  }),
);

const some = z.exactOptional(count);

const reportSchema = describing<NonNullable<VillageView['report']>>()(
  z.object({
    node: z.string(),
    at: instant.describe("By the village's clock"),
    lastSeq: some,
    accounted: z
      .exactOptional(z.object({ quarantined: some, lost: some, void: some }))
      .describe('How many of its numbers will not arrive, and why'),
    disk: z.exactOptional(z.object({ bytes: some, capacityBytes: some, usedPct: some })),
    version: z.exactOptional(z.string()),
    clock: z.exactOptional(z.enum(['sure', 'unsure'])),
    sync: z.exactOptional(z.object({ state: z.exactOptional(z.string()), mode: z.exactOptional(z.string()) })),
    link: z.exactOptional(z.object({ state: z.exactOptional(z.string()) })),
    registry: z.exactOptional(z.object({ pendingEdits: some, refused: some })),
    moreAlerts: some,
  }),
);

const missingSchema = z.object({
  lost: count,
  quarantined: count,
  released: count,
  void: count,
  notYetSent: count,
  unexplained: count,
});

const profileSchema = describing<VillageProfile>()(
  z.object({
    name: z.exactOptional(z.string()),
    place: z.exactOptional(z.string()),
    lat: z.exactOptional(z.number()),
    lon: z.exactOptional(z.number()),
    pvKwp: z.exactOptional(z.number()),
    batteryKwh: z.exactOptional(z.number()),
  }),
);

const partly = z
  .exactOptional(z.string())
  .describe('What of its numbers was not looked at, since there is or it tells of too much; the counts leave that out');

export const villageSchema = describing<VillageView>()(
  z.object({
    id: z.string(),
    name: z.exactOptional(z.string()),
    lat: z.exactOptional(z.number()),
    lon: z.exactOptional(z.number()),
    region: z.exactOptional(z.string()),
    createdAt: instant,
    disabled: z.boolean(),
    lastContactAt: z.exactOptional(instant).describe('When a request of it last succeeded'),
    lastAttemptAt: z.exactOptional(instant).describe('When it last asked anything'),
    lastDocumentAt: z.exactOptional(instant).describe('When a document of it was last taken'),
    lastFailureAt: z.exactOptional(instant),
    lastFailureStatus: z.exactOptional(z.int()),
    failures: some,
    silent: z.boolean().describe('Not heard of for longer than is expected of a village'),
    need: z.enum(NEEDS).describe('What it needs somebody for, if anything'),
    openConflicts: some,
    profile: z.exactOptional(profileSchema).describe('What its registry says of it'),
    missing: z.exactOptional(missingSchema).describe('Of its numbers, as of `missingAsOf`; `numbers` says more'),
    missingAsOf: z.exactOptional(instant),
    missingPartly: partly,
    lostToldOf: some.describe('So many lost documents have been told of as an alert: they are news no more'),
    reportedAt: z
      .exactOptional(instant)
      .describe("When its node's newest report came; what follows is its word as of then"),
    pending: some,
    oldestPendingAt: z.exactOptional(instant),
    alerts: z.exactOptional(z.array(reportedAlertSchema)),
    report: z.exactOptional(reportSchema),
  }),
);

const gapSchema = describing<NumberGap>()(
  z.object({
    from: count,
    to: count,
    kind: z.enum(['lost', 'quarantined', 'released', 'void', 'notYetSent', 'unexplained']),
    missing: some.describe('Where not all of them are missing: how many are'),
  }),
);

const nodeSchema = describing<NodeView>()(
  z.object({
    node: z.string(),
    held: count,
    highest: count.describe('The highest number held or told of'),
    lastSeq: some.describe('The highest it has given, as it reported'),
    missing: missingSchema,
    gaps: z.array(gapSchema).describe('In order, the first hundred'),
    moreGaps: some,
    lookedAtFrom: some.describe('The numbers below it were not looked at'),
  }),
);

const numbersSchema = describing<NumbersView>()(
  z.object({ held: count, missing: missingSchema, nodes: z.array(nodeSchema), moreNodes: some, partly }),
);

export const villageWithNumbersSchema = describing<VillageWithNumbers>()(
  villageSchema.extend({
    numbers: z.exactOptional(numbersSchema),
    numbersUnknown: z.exactOptional(z.string()).describe('Why the numbers cannot be told now'),
  }),
);

export const villagePageSchema = z.object({
  items: z.array(villageWithNumbersSchema),
  next: z.exactOptional(z.string()).describe('The `cursor` of the next page; absent at the end'),
});

export const credentialSchema = z.object({
  id: z.string(),
  user: z.string(),
  password: z.string().describe('Shown in this answer and never again'),
});

const alertSchema = describing<VillageAlert>()(
  z.object({
    village: z.string(),
    code: z.string().describe("`silent`, `lost` or `gaps`; of a node's own alert what the node calls it"),
    severity,
    message: z.string(),
    since: z.exactOptional(instant),
    reportedAt: z.exactOptional(instant),
    raisedAt: z.exactOptional(instant).describe('When the centre noticed it, by its clock'),
  }),
);

export const alertsSchema = z.object({
  items: z.array(alertSchema),
  numbersUnknown: z.exactOptional(z.array(z.string())).describe('Villages whose numbers cannot be told now'),
  numbersPartial: z.exactOptional(z.array(z.string())).describe('Villages of which not everything was looked at'),
});

const clearedAlertSchema = describing<{ village: string } & ClearedVillageAlert>()(
  z.object({
    village: z.string(),
    code: z.string(),
    severity,
    message: z.string(),
    raisedAt: instant.describe('When the centre noticed it, by its clock'),
    since: z.exactOptional(instant).describe("By the village's clock"),
    reported: z.exactOptional(z.literal(true)).describe("A node's own"),
    clearedAt: instant,
  }),
);

export const alertHistorySchema = z.object({
  items: z.array(clearedAlertSchema).describe('The last one cleared first'),
});

export const villageDevicesSchema = z.object({ items: z.array(z.object({ device: z.string() })) });

export const changesSchema = describing<ChangesPage>()(
  z.object({
    items: z.array(telemetryDocumentSchema),
    next: z.string().describe('The `since` to go on from, now or later'),
    more: z.boolean().describe('False where nothing further had arrived'),
  }),
);

/** Behind some of the documents, and at the end. */
export const changeLineSchema = z.union([telemetryDocumentSchema, z.strictObject({ next: z.string() })]);

const villageConflictSchema = describing<ConflictPage['items'][number]>()(
  conflictSchema.extend({ village: z.string() }),
);

export const conflictPageSchema = describing<ConflictPage>()(
  z.object({
    items: z.array(villageConflictSchema),
    next: z.exactOptional(z.string()),
    unavailable: z.exactOptional(z.array(z.string())).describe('Villages that cannot be asked now, the first 100'),
  }),
);

const outcomeSchema = describing<PushOutcome>()(
  z.union([
    z.object({ village: z.string(), ok: z.literal(true), rev: z.string() }),
    z.object({
      village: z.string(),
      ok: z.literal(false),
      error: z.object({ code: z.enum(SHOWN_CODES), message: z.string() }),
    }),
  ]),
);

export const outcomesSchema = z.object({ items: z.array(outcomeSchema) });

export const VILLAGE_SCHEMAS = {
  Village: villageSchema,
  VillageWithNumbers: villageWithNumbersSchema,
  NodeReport: reportSchema,
  Numbers: numbersSchema,
  Credential: credentialSchema,
  Alerts: alertsSchema,
  AlertHistory: alertHistorySchema,
  Changes: changesSchema,
  VillageDevices: villageDevicesSchema,
  ConflictPage: conflictPageSchema,
  PushOutcomes: outcomesSchema,
  Energy: energySchema,
} as const;
