/**
 * What a village's node says of itself, as the centre shows it: its newest `report:<node>`, of which only the fields known
 * here are kept, and these only where they are well-formed. It is the village's own word, for people to read: nothing is
 * granted, deleted or confirmed because of it. Pure.
 */
import { isCanonicalInstant } from '../../shared/time.js';

export interface ReportedAlert {
  code: string;
  severity: 'info' | 'warning' | 'critical';
  since?: string;
  message?: string;
}

/** At most `MAX_BYTES` as JSON. */
export interface NodeReport {
  node: string;
  /** By the village's clock. */
  at: string;
  /** By the centre's. */
  receivedAt: string;
  /** Documents not yet delivered, the quarantined left out. */
  pending?: number;
  oldestPendingAt?: string;
  /** The highest number given. */
  lastSeq?: number;
  /** How many of its numbers will not arrive, and why. */
  accounted?: { quarantined?: number; lost?: number; void?: number };
  disk?: { bytes?: number; capacityBytes?: number; usedPct?: number };
  version?: string;
  clock?: 'sure' | 'unsure';
  sync?: { state?: string; mode?: string };
  link?: { state?: string };
  /** Edits of the registry not yet here, and those that were refused. */
  registry?: { pendingEdits?: number; refused?: number };
  alerts?: ReportedAlert[];
  /** Alerts that found no room, in the report or here. */
  moreAlerts?: number;
}

const MAX_BYTES = 2_048;
const MAX_ALERTS = 20;
const MAX_MESSAGE = 300;
const NODE = /^[a-z0-9]{4,12}$/;
const CODE = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;
const VERSION = /^[0-9A-Za-z.+-]{1,32}$/;
const STATE = /^[a-z][A-Za-z-]{0,31}$/;
const SEVERITIES: readonly unknown[] = ['info', 'warning', 'critical'] satisfies ReportedAlert['severity'][];

/** `undefined` for what is no report of a node. */
export function parseReport(body: Readonly<Record<string, unknown>>, receivedAt: string): NodeReport | undefined {
  const { node, at, oldestPendingAt, version, clock } = body;
  if (typeof node !== 'string' || !NODE.test(node) || !isInstant(at)) return undefined;
  const { lastSeq, pending } = parts(body, ['pending', 'lastSeq'], isCount) ?? {};
  const accounted = parts(body.accounted, ['quarantined', 'lost', 'void'], isCount);
  const disk = parts(body.disk, ['bytes', 'capacityBytes', 'usedPct'], isCount);
  const sync = parts(body.sync, ['state', 'mode'], isState);
  const link = parts(body.link, ['state'], isState);
  const registry = parts(body.registry, ['pendingEdits', 'refused'], isCount);
  const report: NodeReport = {
    ...{ node, at, receivedAt },
    ...(pending === undefined ? {} : { pending }),
    ...(isInstant(oldestPendingAt) ? { oldestPendingAt } : {}),
    ...(lastSeq === undefined ? {} : { lastSeq }),
    ...(accounted ? { accounted } : {}),
    ...(disk ? { disk } : {}),
    ...(typeof version === 'string' && VERSION.test(version) ? { version } : {}),
    ...(clock === 'sure' || clock === 'unsure' ? { clock } : {}),
    ...(sync ? { sync } : {}),
    ...(link ? { link } : {}),
    ...(registry ? { registry } : {}),
  };
  return withAlerts(report, body.alerts, isCount(body.furtherAlerts) ? body.furtherAlerts : 0);
}

/** Of what should be an object the parts that are what they should be; `undefined` where there are none. */
function parts<Name extends string, Value>(
  given: unknown,
  names: readonly Name[],
  isRight: (value: unknown) => value is Value,
): Partial<Record<Name, Value>> | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const found: Partial<Record<Name, Value>> = {};
  for (const name of names) {
    const value: unknown = Reflect.get(given, name);
    if (isRight(value)) found[name] = value;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

/** The one made last: a store that was restored has left the reports of its predecessors behind. */
export function newestReport(reports: readonly NodeReport[]): NodeReport | undefined {
  return [...reports].sort((a, b) => (a.at < b.at ? 1 : -1))[0];
}

function withAlerts(report: NodeReport, given: unknown, further: number): NodeReport {
  if (!Array.isArray(given)) return report;
  const alerts = given.slice(0, MAX_ALERTS).flatMap(alertOf);
  let more = further + Math.max(0, given.length - MAX_ALERTS);
  for (;;) {
    const whole = { ...report, alerts, ...(more > 0 ? { moreAlerts: more } : {}) };
    if (alerts.length === 0 || Buffer.byteLength(JSON.stringify(whole)) <= MAX_BYTES) return whole;
    alerts.pop();
    more++;
  }
}

function alertOf(given: unknown): ReportedAlert[] {
  if (typeof given !== 'object' || given === null) return [];
  const { code, severity, since, message } = given as Record<string, unknown>;
  if (typeof code !== 'string' || !CODE.test(code)) return [];
  return [
    {
      code,
      severity: isSeverity(severity) ? severity : 'warning',
      ...(isInstant(since) ? { since } : {}),
      ...(typeof message === 'string' && message.isWellFormed() ? { message: shortened(message) } : {}),
    },
  ];
}

function shortened(message: string): string {
  const characters = [...message.slice(0, 2 * MAX_MESSAGE)];
  return characters.length > MAX_MESSAGE ? `${characters.slice(0, MAX_MESSAGE - 1).join('')}…` : characters.join('');
}

function isSeverity(value: unknown): value is ReportedAlert['severity'] {
  return SEVERITIES.includes(value);
}

function isState(value: unknown): value is string {
  return typeof value === 'string' && STATE.test(value);
}

function isInstant(value: unknown): value is string {
  return typeof value === 'string' && isCanonicalInstant(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
