/** What the page reads of the centre's answers. */

export const NEEDS = ['silent', 'losing', 'blocked', 'behind', 'alerts', 'awaited', 'none', 'disabled'] as const;
/** What a village needs somebody for, the most urgent first. */
export type Need = (typeof NEEDS)[number];

export interface ShownAlert {
  code: string;
  severity: 'warning' | 'critical';
  since?: string;
  message?: string;
}

/** Of `/v1/alerts/history`. */
export interface EarlierAlert {
  code: string;
  raisedAt: string;
  clearedAt: string;
}

/** Of `/v1/villages`. */
export interface ShownVillage {
  id: string;
  name?: string;
  lat?: number;
  lon?: number;
  region?: string;
  createdAt: string;
  need: Need;
  silent: boolean;
  disabled: boolean;
  lastContactAt?: string;
  lastDocumentAt?: string;
  lastFailureAt?: string;
  lastFailureStatus?: number;
  openConflicts?: number;
  reportedAt?: string;
  pending?: number;
  oldestPendingAt?: string;
  alerts?: ShownAlert[];
  report?: {
    version?: string;
    accounted?: { lost?: number; quarantined?: number };
    disk?: { usedPct?: number };
    link?: { state?: string };
  };
  /** Of its numbers, by why they are not here. */
  missing?: Record<string, number>;
  /** Not all of them were looked at. */
  missingPartly?: string;
  profile?: { name?: string; place?: string; pvKwp?: number; batteryKwh?: number; lat?: number; lon?: number };
  /** Of one village alone. */
  numbers?: ShownNumbers;
  numbersUnknown?: string;
}

export interface ShownNumbers {
  held: number;
  missing: Record<string, number>;
  nodes: { node: string; held: number; highest: number; gaps: ShownGap[]; moreGaps?: number }[];
  moreNodes?: number;
  partly?: string;
}

export interface ShownGap {
  from: number;
  to: number;
  kind: string;
  missing?: number;
}

/** Of `/v1/completeness`. */
export interface Completeness {
  /** Dates in UTC, the second one exclusive. */
  from: string;
  to: string;
  items: VillageDays[];
}

export interface VillageDays {
  village: string;
  /** What a whole day usually has; null where that is not known. */
  typicalPerDay: number | null;
  /** `missing` is null where it is not known now. */
  days: { day: string; readings: number; missing: number | null }[];
}

/** Of `/v1/villages/:id/registry`. */
export interface ShownDocument {
  _id: string;
  _rev: string;
  type: string;
  id: string;
  author: string;
  editedAt: string;
  conflicts?: string[];
  [field: string]: unknown;
}

/** Of a document's history. */
export interface ShownTrace {
  _id: string;
  kind: string;
  authors: string[];
  at: string;
  changes: Record<string, { from?: unknown; to?: unknown }>;
}

/** Of `/v1/villages/:id/energy`. */
export interface ShownEnergy {
  devices: {
    device: string;
    kwh: number | null;
    buckets: { start: string; hours: number; kwh: number | null; coveredHours?: number; gapKwh?: number }[];
  }[];
}

/** Of `/v1/villages/:id/contacts`. */
export interface ShownContacts {
  items: { hour: string; succeeded: number; failed: number }[];
}

/** Of a document sent to many villages. */
export type PushOutcome =
  | { village: string; ok: true }
  | { village: string; ok: false; error: { code: string; message: string } };
