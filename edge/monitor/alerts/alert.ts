/** What a person should know now, and what they should have known then. */

export type AlertCode =
  | 'pending'
  | 'storage'
  | 'quarantine'
  | 'lost'
  | 'blocked'
  | 'refusals'
  | 'tls-clock'
  | 'clock'
  | 'repaired'
  | 'no-forced-sync'
  | 'registry'
  | 'stalled'
  | 'threshold';

export interface Alert {
  code: AlertCode;
  severity: 'warning' | 'critical';
  /** Canonical instant. */
  since: string;
  message: string;
  /** What it is about, where there may be several of one code; of `lost` how many documents, since more are another loss. */
  subject?: string;
}

export interface ClearedAlert extends Alert {
  clearedAt: string;
}
