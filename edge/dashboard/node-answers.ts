/** What the page reads of the node's answers; the node's own types are held against these where it sends them. */

export interface ShownAlert {
  code: string;
  severity: 'warning' | 'critical';
  since: string;
  message: string;
}

export interface ShownError {
  tag?: string;
  status?: number;
  message: string;
}

/** Of `/v1/status`. */
export interface ShownStatus {
  village: string;
  node: string;
  version: string;
  clock: 'sure' | 'unsure';
  store: {
    pending: number;
    oldestPendingAt?: string;
    lastSeq: number;
    quarantined: number;
    lost: number;
    bytes: number;
    capacityBytes: number;
    usedPct: number;
  };
  link: { state: 'online' | 'offline' | 'blocked' | 'unknown'; since: string; lastError?: ShownError };
  sync: {
    state: string;
    mode: string;
    pausedBy?: string[];
    lastSuccessAt?: string;
    lastForcedSuccessAt?: string;
    lastAttemptAt?: string;
    nextForcedAt?: string;
    docsSent: number;
  };
  registry: { state: string; pendingEdits: number; refused: number };
  alerts: ShownAlert[];
}

export interface ShownProgress {
  state: string;
  sent: number;
  quarantined: number;
  pending: number;
}

export interface ShownReading {
  device: string;
  at: string;
  clock?: 'unsure';
  values: Readonly<Record<string, unknown>>;
}

/** A line of `POST /v1/replicate`. */
export interface ReplicationLine {
  event: 'progress' | 'done';
  ok?: boolean;
  sent: number;
  pending: number;
  quarantined?: number;
  error?: { message: string };
}

/** Of `/v1/registry/device`. */
export interface ShownDevice {
  id: string;
  model?: unknown;
  serial?: unknown;
  role?: unknown;
}
