/** The centre's settings: names, defaults and what they mean together. Importing this reads nothing. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { AppError, messageOf } from '../shared/app-error.js';
import { decimal, flag, integer, LOG_SETTINGS, origin, port, secret, text } from '../shared/setting-schemas.js';
import type { SettingValues } from '../shared/settings.js';
import { type WebhookTarget, webhookTargets } from './alerts/webhook-settings.js';
import { DEFAULT_LIMITS, type GatewayLimits } from './gateway/gateway-limits.js';

/** An origin, with or without the credentials people paste into it; they are taken apart in `configOf`. */
const couchUrl = z.string().transform((value, context): { url: string; user?: string; password?: string } => {
  const trimmed = value.trim();
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  const { username = '', password = '' } = url ?? {};
  if (url) {
    url.username = '';
    url.password = '';
  }
  const parsed = origin.safeParse(url?.href ?? trimmed);
  const credentials = decodeCredentials(username, password);
  if (parsed.success && credentials) return { url: parsed.data, ...credentials };
  context.addIssue({ code: 'custom', message: 'must be an origin such as http://couchdb.example:5984, without path' });
  return z.NEVER;
});

function decodeCredentials(user: string, password: string): { user?: string; password?: string } | undefined {
  try {
    return {
      ...(user ? { user: decodeURIComponent(user) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
    };
  } catch {
    return undefined;
  }
}

const databasePrefix = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,60}$/, 'must be a lower-case letter followed by lower-case letters, digits, "_" or "-"');

/** What the verbs that speak to a running centre need to find it. */
export const CLIENT_SETTINGS = {
  CENTRAL_HOST: { schema: text, default: '127.0.0.1', help: 'address to listen on' },
  CENTRAL_PORT: { schema: port, default: '8090', help: 'port to listen on; 0 takes a free one' },
  DATA_PATH: { schema: text, default: './data/central', help: 'folder of the embedded store and the generated tokens' },
  ADMIN_TOKEN: {
    schema: secret,
    help: 'token that may do everything; generated into DATA_PATH when absent',
    secret: true,
  },
  TLS_CERT: {
    schema: text,
    help: 'PEM file of the certificate (chain); with TLS_KEY the centre speaks HTTPS; both are read again when they change',
  },
  TLS_KEY: { schema: text, help: 'PEM file of the private key' },
} as const;

const MIB = 1024 * 1024;
/** Connections at once. */
export const DEFAULT_CONNECTIONS = 8_192;

/** What the gateway takes at once. */
export const LIMIT_SETTINGS = {
  VILLAGE_MAX_REQUESTS: {
    schema: integer(1, 1_000),
    default: String(DEFAULT_LIMITS.villageRequests),
    help: 'requests of one village at once; further ones are answered 429',
  },
  VILLAGE_REQUESTS_PER_MINUTE: {
    schema: integer(1, 1_000_000),
    default: String(DEFAULT_LIMITS.villageRequestsPerMinute),
    help: 'requests of one village a minute; further ones are answered 429',
  },
  MAX_BODY_MB: {
    schema: integer(1, 256),
    default: String(DEFAULT_LIMITS.bodyBytes / MIB),
    help: 'size of one body from a village, decompressed; larger ones are answered 413',
  },
  MAX_BODIES_MB: {
    schema: integer(4, 65_536),
    default: String(DEFAULT_LIMITS.bodiesBytes / MIB),
    help: 'memory for the bodies of all villages at once; what finds no room is answered 503',
  },
  MAX_CONNECTIONS: {
    schema: integer(4, 1_000_000),
    default: String(DEFAULT_CONNECTIONS),
    help: 'connections at once, a quarter of them from one address unless TRUSTED_PROXIES is set; others are dropped',
  },
  TRUSTED_PROXIES: {
    schema: integer(0, 10),
    default: '0',
    help: 'proxies in front whose X-Forwarded-For is believed, for failed logins; /metrics then takes a token',
  },
} as const;

export const SERVER_SETTINGS = {
  ...CLIENT_SETTINGS,
  ...LIMIT_SETTINGS,
  ANALYST_TOKEN: { schema: secret, help: 'token that may read; generated into DATA_PATH when absent', secret: true },
  COUCHDB_URL: { schema: couchUrl, help: 'origin of CouchDB; without it an embedded store is used', secret: true },
  COUCHDB_USER: { schema: text, help: "the centre's user in CouchDB" },
  COUCHDB_PASSWORD: { schema: text, help: 'its password', secret: true },
  COUCHDB_PREFIX: {
    schema: databasePrefix,
    help: 'prefix of the names of its databases, so that several centres can share one CouchDB',
  },
  COUCHDB_SHARDS: {
    // With more, cursors of `/v1/changes` would not fit into the head of a request.
    schema: integer(1, 400),
    help: 'shards (q) of telemetry, where the centre creates it; otherwise as CouchDB has it',
  },
  COUCHDB_COPIES: {
    schema: integer(1, 10),
    help: 'copies (n) of each shard in a cluster, where the centre creates databases; otherwise as CouchDB has it',
  },
  REQUIRE_COUCHDB: { schema: flag, default: 'false', help: 'refuse to start without COUCHDB_URL' },
  SILENT_AFTER_HOURS: {
    schema: decimal(0, 876_000),
    default: '26',
    help: 'a village not heard of for so long is silent',
  },
  ALERT_WEBHOOKS: {
    schema: webhookTargets,
    help: 'addresses told of alerts as they are raised and cleared, separated by commas',
    secret: true,
  },
  ALERT_WEBHOOK_SECRET: { schema: secret, help: 'signs what webhooks are sent (HMAC-SHA256)', secret: true },
  METRICS_VILLAGES: {
    schema: integer(0, 1_000),
    default: '20',
    help: 'villages shown by name in /metrics: those that need somebody most; the others are counted together',
  },
  ...LOG_SETTINGS,
} as const;

export interface CouchConfig {
  url: string;
  user?: string | undefined;
  password?: string | undefined;
  /** Empty for none. */
  prefix: string;
  /** Shards of telemetry (`q`), where it is made; CouchDB's default without. */
  shards?: number | undefined;
  /** Copies of each shard (`n`), where databases are made; CouchDB's default without. */
  copies?: number | undefined;
  /** Milliseconds until a request is given up, where the usual ones are not right. */
  deadlineMs?: number | undefined;
}

/** What a centre needs to run. */
export interface CentralConfig {
  host: string;
  port: number;
  dataPath: string;
  /** Without it the centre keeps its databases in `dataPath`. */
  couch?: CouchConfig | undefined;
  /** Where absent, taken from `dataPath`, generated there if need be. */
  adminToken?: string | undefined;
  analystToken?: string | undefined;
  tls?: TlsConfig | undefined;
  silentAfterHours: number;
  /** Those left out are as in `DEFAULT_LIMITS`. */
  limits?: Partial<GatewayLimits> | undefined;
  /** Proxies in front whose X-Forwarded-For is believed; none where absent. */
  trustedProxies?: number | undefined;
  /** Told of alerts. */
  webhooks?: readonly WebhookTarget[] | undefined;
  webhookSecret?: string | undefined;
  /** Villages shown by name in `/metrics`; 20 where absent. */
  metricsVillages?: number | undefined;
  /** `DEFAULT_CONNECTIONS` where absent. */
  maxConnections?: number | undefined;
}

export interface TlsConfig {
  cert: Buffer;
  key: Buffer;
  /** Where they were read, and are read again when they have changed. */
  certFile: string;
  keyFile: string;
}

/** The settings as a whole; throws `usage` for those that do not go together. */
export function configOf(values: SettingValues<typeof SERVER_SETTINGS>): CentralConfig {
  if (values.REQUIRE_COUCHDB && !values.COUCHDB_URL) {
    throw new AppError('usage', 'COUCHDB_URL is not set, and REQUIRE_COUCHDB forbids the embedded store');
  }
  if (values.ADMIN_TOKEN !== undefined && values.ADMIN_TOKEN === values.ANALYST_TOKEN) {
    throw new AppError('usage', 'ADMIN_TOKEN and ANALYST_TOKEN must differ');
  }
  return {
    host: values.CENTRAL_HOST,
    port: values.CENTRAL_PORT,
    dataPath: values.DATA_PATH,
    couch: couchOf(values),
    adminToken: values.ADMIN_TOKEN,
    analystToken: values.ANALYST_TOKEN,
    tls: tlsOf(values.TLS_CERT, values.TLS_KEY),
    silentAfterHours: values.SILENT_AFTER_HOURS,
    trustedProxies: values.TRUSTED_PROXIES,
    maxConnections: values.MAX_CONNECTIONS,
    webhooks: values.ALERT_WEBHOOKS,
    webhookSecret: values.ALERT_WEBHOOK_SECRET,
    metricsVillages: values.METRICS_VILLAGES,
    limits: {
      villageRequests: values.VILLAGE_MAX_REQUESTS,
      villageRequestsPerMinute: values.VILLAGE_REQUESTS_PER_MINUTE,
      bodyBytes: values.MAX_BODY_MB * MIB,
      bodiesBytes: values.MAX_BODIES_MB * MIB,
    },
  };
}

function couchOf(values: SettingValues<typeof SERVER_SETTINGS>): CouchConfig | undefined {
  const { COUCHDB_URL: given, COUCHDB_USER: user, COUCHDB_PASSWORD: password, COUCHDB_PREFIX: prefix } = values;
  if (!given) return undefined;
  return {
    ...{ url: given.url, user: user ?? given.user, password: password ?? given.password, prefix: prefix ?? '' },
    ...{ shards: values.COUCHDB_SHARDS, copies: values.COUCHDB_COPIES },
  };
}

function tlsOf(cert: string | undefined, key: string | undefined): CentralConfig['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new AppError('usage', 'TLS_CERT and TLS_KEY must be given together');
  }
  const tls = { cert: readPem('TLS_CERT', cert), key: readPem('TLS_KEY', key), certFile: cert, keyFile: key };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new AppError('usage', `TLS_CERT and TLS_KEY are not a certificate and its key: ${messageOf(error)}`);
  }
  return tls;
}

function readPem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new AppError('usage', `${name} names a file that cannot be read: ${messageOf(error)}`);
  }
}
