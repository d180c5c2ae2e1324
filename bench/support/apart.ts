/**
 * Programs of peers that are made of what the product does not depend on. They are compiled apart, into `bench/dist`,
 * where Node finds `bench/node_modules`; `npm run bench` sees to both. Only their types and their entries are known here.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** From dist/bench/support. */
const COMPILED = new URL('../../../bench/dist/bench/peers-apart/', import.meta.url);
const PROGRAMS = {
  sqliteBuffer: 'sqlite-buffer.js',
  sqliteCentre: 'sqlite-centre.js',
  mqttPublish: 'mqtt-publish.js',
  mqttCentre: 'mqtt-centre.js',
} as const;

/** The compiled entry of a program. */
export function entryApart(program: keyof typeof PROGRAMS): URL {
  return new URL(PROGRAMS[program], COMPILED);
}

/** Whether they are compiled; a benchmark started past `npm run bench` may be without. */
export function areApartBuilt(): boolean {
  return Object.values(PROGRAMS).every((file) => existsSync(fileURLToPath(new URL(file, COMPILED))));
}

/** Where the village's buffer sends to: the body of its `POST /sender`. */
export interface SendTo {
  /** Origin of the centre, or of a link before it. */
  url: string;
  user: string;
  password: string;
}

/** `GET /held` of a centre. */
export interface Held {
  /** Readings it has stored. */
  readings: number;
}

/** What `mqtt-publish` is to do: QoS 1, each connection with so many publications that wait for their PUBACK. */
export interface PublishLoad {
  port: number;
  /** Readings of the fleet, from this one on; or one reading of `device`. */
  from: number;
  readings: number;
  device?: string;
  connections: number;
  inFlight: number;
}

export interface PublishResult {
  elapsedMs: number;
}
