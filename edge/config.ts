/** The settings of solar-edge; each is an environment variable, a flag and a key of the configuration file. */
import { Cron } from 'croner';
import { z } from 'zod';
import { AppError } from '../shared/app-error.js';
import { instantSchema, villageIdSchema } from '../shared/documents.js';
import { isLoopback } from '../shared/http/server.js';
import { choice, decimal, integer, LOG_SETTINGS, origin, port, secret, text } from '../shared/setting-schemas.js';
import type { Settings, SettingValues } from '../shared/settings.js';

const timeZone = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}, 'must be a time zone such as Africa/Douala or UTC');

const cronExpression = z.string().refine((expression) => {
  try {
    return expression === 'off' || new Cron(expression, { paused: true }) !== undefined;
  } catch {
    return false;
  }
}, 'must be a cron expression such as "0 2 * * *", or off');

export const EDGE_SETTINGS = {
  VILLAGE_ID: {
    schema: villageIdSchema,
    help: 'the village this node belongs to (required); kept in lower case',
  },
  API_URL: {
    schema: origin,
    help: 'origin of the centre, a gateway or a plain CouchDB; without it the node only stores',
  },
  CENTRAL_USER: { schema: secret, help: 'user at the centre (default: VILLAGE_ID)' },
  CENTRAL_PASSWORD: { schema: secret, help: 'credential given by "solar-central village add"', secret: true },
  LOCAL_CACHE_PATH: { schema: text, default: './data/edge', help: 'folder of everything the node keeps' },
  EDGE_HOST: {
    schema: text,
    default: '127.0.0.1',
    help: 'address to listen on; one that is not loopback requires EDGE_TOKEN',
  },
  EDGE_PORT: { schema: port, default: '8080', help: 'port to listen on' },
  EDGE_TOKEN: { schema: secret, help: 'bearer token that callers must show', secret: true },
  SYNC_MODE: {
    schema: choice(['live', 'scheduled']),
    default: 'live',
    help: 'live, or scheduled: push at the schedule and on request only',
  },
  SYNC_SCHEDULE: {
    schema: cronExpression,
    default: '0 2 * * *',
    help: 'cron expression of the forced replication, or off',
  },
  SYNC_TIMEZONE: { schema: timeZone, default: 'UTC', help: 'time zone of SYNC_SCHEDULE' },
  SYNC_JITTER: {
    schema: integer(0, 86_400),
    default: '900',
    help: 'seconds; each village keeps its own delay below this',
  },
  MAX_RETRIES: { schema: integer(0, 1000), default: '5', help: 'one-shot: consecutive attempts without progress' },
  RETRY_INTERVAL: {
    schema: decimal(0, 3600),
    default: '10',
    help: 'one-shot: attempt n is followed by n times so many seconds',
  },
  SYNC_TIMEOUT: {
    schema: decimal(0.1, 3600),
    default: '15',
    help: 'seconds without any progress before a request is given up',
  },
  CONNECTIVITY_INTERVAL: { schema: decimal(0.1, 3600), default: '30', help: 'seconds between probes while offline' },
  BUFFER_MAX_MB: {
    schema: integer(1, 10_000_000),
    default: '1024',
    help: 'MB the store may take; beyond it confirmed segments are deleted, then new data is refused',
  },
  MIN_FREE_MB: { schema: integer(0, 10_000_000), default: '64', help: 'MB of the disk to leave free' },
  RETENTION_DAYS: {
    schema: integer(0, 36_500),
    default: '7',
    help: 'days a segment is kept after it was sealed, once the centre has confirmed it',
  },
  SEGMENT_MAX_DOCS: {
    schema: integer(1, 10_000_000),
    default: '200000',
    help: 'documents after which a segment is sealed',
  },
  ALERT_PENDING: { schema: integer(0), default: '100', help: 'alert when more documents than this are pending' },
  ALERT_PENDING_MINUTES: { schema: decimal(0, 1_000_000), default: '30', help: '… for longer than so many minutes' },
  ALERT_FULL_PCT: {
    schema: decimal(0, 100),
    default: '90',
    help: 'alert when the store is fuller than so many percent',
  },
  ALERT_QUARANTINED: {
    schema: integer(0),
    default: '10',
    help: 'alert when more documents than this are in quarantine',
  },
  ALERT_NO_FORCED_SYNC_HOURS: {
    schema: decimal(0, 876_000),
    default: '26',
    help: 'alert when no forced replication has succeeded for so many hours; 0: never',
  },
  POWER_KW: { schema: decimal(), help: 'replicate --once stores it first as a reading of the device env' },
  POWER_AT: { schema: instantSchema, help: 'time of POWER_KW (default: the current full minute)' },
  ...LOG_SETTINGS,
} as const satisfies Settings;

export type EdgeSettings = SettingValues<typeof EDGE_SETTINGS>;

/** Settings of a node: with the village, and held against each other. Throws `usage`. */
export interface NodeConfig extends EdgeSettings {
  VILLAGE_ID: string;
}

export function nodeConfig(settings: EdgeSettings): NodeConfig {
  const { VILLAGE_ID, EDGE_HOST, EDGE_TOKEN } = settings;
  if (VILLAGE_ID === undefined) {
    throw new AppError('usage', 'VILLAGE_ID (--village-id) is required: it says which village the data belongs to');
  }
  if (!isLoopback(EDGE_HOST) && EDGE_TOKEN === undefined) {
    throw new AppError(
      'usage',
      `EDGE_HOST ${EDGE_HOST} can be reached from other machines and therefore requires EDGE_TOKEN`,
    );
  }
  return { ...settings, VILLAGE_ID };
}
