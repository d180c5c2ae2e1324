/**
 * How large a fleet is, and what befalls it in its hour.
 *
 * The hour after 2 AM is compressed: `hourS` seconds stand for 3,600, and the spread of starts shrinks with it. What
 * nodes and gateways time by themselves (time-outs, backoff, `Retry-After`) is not: the load is as much denser as the hour
 * is shorter, and nobody recovers faster for it.
 */
import { AppError } from '../../shared/app-error.js';
import { decimal, integer } from '../../shared/setting-schemas.js';

/** SYNC_JITTER of the nodes' settings and of the manifests. */
export const SYNC_JITTER_S = 900;
const HOUR_S = 3_600;
/** What a village of 50 meters stores in a day, a heartbeat each 15 minutes. */
const DAY_READINGS = 4_800;
const DEFAULT_HOUR_S = 120;

export interface FleetSize {
  /** Light clients. */
  villages: number;
  /** Nodes as processes of their own. */
  edges: number;
  /** Readings that each village of either kind has to deliver. */
  readings: number;
  /** Seconds that the hour takes. */
  hourS: number;
}

export interface Scenario {
  /** One word for JSON. */
  name: string;
  title: string;
  /** Villages start at delays of their own, else all at the same moment. */
  jitter: boolean;
  /** Half-way one gateway is killed and started again. */
  killGateway: boolean;
  restartCouchdb: boolean;
}

export interface FleetFlags {
  villages?: string;
  edges?: string;
  readings?: string;
  hour?: string;
  jitter?: boolean;
  killGateway?: boolean;
  restartCouchdb?: boolean;
  small?: boolean;
}

/** By how much the hour is compressed. */
export function factorOf({ hourS }: Pick<FleetSize, 'hourS'>): number {
  return HOUR_S / hourS;
}

/** The nodes' spread of starts in the compressed hour, in seconds. */
export function spreadS(size: Pick<FleetSize, 'hourS'>): number {
  return SYNC_JITTER_S / factorOf(size);
}

/**
 * The sizes asked for; throws `usage`. Without `--readings` a village has the share of its day that the hour is of an
 * hour, so that as many documents a second are offered as in the hour itself.
 */
export function sizeOf(flags: FleetFlags): FleetSize {
  const hourS = numberOf('--hour', flags.hour, decimal(1, HOUR_S), flags.small ? 12 : DEFAULT_HOUR_S);
  const share = Math.ceil((DAY_READINGS * (flags.small ? DEFAULT_HOUR_S : hourS)) / HOUR_S);
  return {
    villages: numberOf('--villages', flags.villages, integer(1, 100_000), flags.small ? 50 : 1_000),
    edges: numberOf('--edges', flags.edges, integer(0, 1_000), flags.small ? 2 : 20),
    readings: numberOf('--readings', flags.readings, integer(1, 100_000), share),
    hourS,
  };
}

/** All scenarios, or the one that the flags describe. */
export function scenariosOf({ jitter, killGateway = false, restartCouchdb = false }: FleetFlags): Scenario[] {
  if (jitter !== undefined || killGateway || restartCouchdb) {
    return [scenario(jitter ?? true, killGateway, restartCouchdb)];
  }
  return [
    scenario(true, false, false),
    scenario(false, false, false),
    scenario(true, true, false),
    scenario(true, false, true),
  ];
}

function scenario(jitter: boolean, killGateway: boolean, restartCouchdb: boolean): Scenario {
  const parts = [
    ...[{ name: jitter ? 'jitter' : 'no-jitter', title: jitter ? 'with jitter' : 'without jitter' }],
    ...(killGateway ? [{ name: 'kill-gateway', title: 'a gateway killed' }] : []),
    ...(restartCouchdb ? [{ name: 'restart-couchdb', title: 'CouchDB restarted' }] : []),
  ];
  const name = parts.map((part) => part.name).join('+');
  return { name, title: parts.map((part) => part.title).join(', '), jitter, killGateway, restartCouchdb };
}

interface NumberSchema {
  safeParse(
    text: string,
  ): { success: true; data: number } | { success: false; error: { issues: { message: string }[] } };
}

function numberOf(name: string, text: string | undefined, schema: NumberSchema, otherwise: number): number {
  if (text === undefined) return otherwise;
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', `${name} ${parsed.error.issues[0]?.message} (given: ${JSON.stringify(text)})`);
}
