/**
 * Row: a quarter of a village's day over its 2G link to a plain CouchDB, read-back included, against stock `replicate`
 * to the same CouchDB. Only where COUCHDB_URL names one.
 */
import { messageOf } from '../shared/app-error.js';
import type { CouchDb } from '../test/support/couchdb.js';
import { atMost, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { couchdbFor, withCouchDb } from './support/bench-centre.js';
import { VILLAGE_LINK, withLink } from './support/bench-link.js';
import { replicatorSeconds } from './support/couch-replicator.js';
import { drainOurs, drainStock } from './support/drain-over-link.js';
import { requestsText } from './support/request-observer.js';

const READINGS = 12_000;
const DAY_READINGS = 48_000;
const STOCK_READINGS = 1_000;

const peer = `stock replicate, scaled from ${STOCK_READINGS.toLocaleString('en-US')} readings`;
const UP: Figure = {
  ...{ key: 'village-day-couchdb-up', unit: 'bytes', digits: 1, peer },
  what: `bytes up per reading to a plain CouchDB, read-back included (${READINGS.toLocaleString('en-US')} readings)`,
  targets: [atMost(65)],
};
const SECONDS: Figure = {
  ...{ key: 'village-day-couchdb', unit: 's', digits: 0, peer, targets: [] },
  what: `the time for ${DAY_READINGS.toLocaleString('en-US')} to a plain CouchDB, scaled from as many`,
};

/** With 1,000 it gave up: the request for its checkpoint timed out. */
const REPLICATOR_READINGS = 100;
const scaled = `CouchDB's own replicator, scaled from ${REPLICATOR_READINGS} readings`;
const REPLICATOR_SECONDS: Figure = { ...SECONDS, key: 'village-day-couchdb-vs-replicator', peer: scaled };
const REPLICATOR_UP: Figure = { ...UP, key: 'village-day-couchdb-up-vs-replicator', peer: scaled, targets: [] };

export const villageDayCouchDb: Row = {
  name: 'village-day-couchdb',
  once: true,
  figures: [UP, SECONDS, REPLICATOR_UP, REPLICATOR_SECONDS],
  async measure(context) {
    const couchdb = await couchdbFor(context, villageDayCouchDb.name);
    if (!couchdb) return [];
    const { readings, stockReadings } = sizeOf(context);
    const { ours, peer: stock } = await inTurn(
      context,
      () => withCouchDb(couchdb, (centre) => drainOurs(context, centre, readings)),
      () => withCouchDb(couchdb, (centre) => drainStock(context, centre, stockReadings)),
    );
    context.say(`village-day-couchdb: ${requestsText(ours.traffic.http)}`);
    const day = (seconds: number, of: number) => (seconds * DAY_READINGS) / of;
    const replicator = await replicatorDrain(context, couchdb);
    const against = replicator && [
      { figure: REPLICATOR_UP, ours: ours.traffic.upBytes / readings, peer: replicator.upBytes / replicator.readings },
      {
        ...{ figure: REPLICATOR_SECONDS, ours: day(ours.seconds, readings) },
        peer: day(replicator.seconds, replicator.readings),
      },
    ];
    return [
      ...(against ?? []),
      { figure: UP, ours: ours.traffic.upBytes / readings, peer: stock.traffic.upBytes / stockReadings },
      { figure: SECONDS, ours: day(ours.seconds, readings), peer: day(stock.seconds, stockReadings) },
    ];
  },
};

/** Undefined, and the reason said, where it gives up, as it may over such a link. */
function replicatorDrain(
  context: RunContext,
  couchdb: CouchDb,
): Promise<{ readings: number; seconds: number; upBytes: number } | undefined> {
  const readings = context.small ? 30 : REPLICATOR_READINGS;
  const port = Number(new URL(couchdb.url).port) || 80;
  return withLink(port, VILLAGE_LINK, async (link) => {
    try {
      const seconds = await replicatorSeconds(couchdb, readings, link.url);
      return { readings, seconds, upBytes: link.traffic.upBytes };
    } catch (error) {
      context.say(`village-day-couchdb: no figure of CouchDB's own replicator: ${messageOf(error)}`);
      return undefined;
    }
  });
}

function sizeOf({ small }: RunContext): { readings: number; stockReadings: number } {
  return small ? { readings: 300, stockReadings: 30 } : { readings: READINGS, stockReadings: STOCK_READINGS };
}
