/**
 * Row: a quarter of a village's day over its 2G link to a plain CouchDB, read-back included, against stock `replicate`
 * to the same CouchDB. Only where COUCHDB_URL names one.
 */
import { atMost, type Figure, inTurn, type Row, type RunContext } from './row.js';
import { couchdbFor, withCouchDb } from './support/bench-centre.js';
import { drainOurs, drainStock } from './support/drain-over-link.js';

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

export const villageDayCouchDb: Row = {
  name: 'village-day-couchdb',
  once: true,
  figures: [UP, SECONDS],
  async measure(context) {
    const couchdb = await couchdbFor(context, villageDayCouchDb.name);
    if (!couchdb) return [];
    const { readings, stockReadings } = sizeOf(context);
    const { ours, peer: stock } = await inTurn(
      context,
      () => withCouchDb(couchdb, (centre) => drainOurs(context, centre, readings)),
      () => withCouchDb(couchdb, (centre) => drainStock(context, centre, stockReadings)),
    );
    context.say(`village-day-couchdb: requests were ${JSON.stringify(ours.traffic.http.byKind)}`);
    const day = (seconds: number, of: number) => (seconds * DAY_READINGS) / of;
    return [
      { figure: UP, ours: ours.traffic.upBytes / readings, peer: stock.traffic.upBytes / stockReadings },
      { figure: SECONDS, ours: day(ours.seconds, readings), peer: day(stock.seconds, stockReadings) },
    ];
  },
};

function sizeOf({ small }: RunContext): { readings: number; stockReadings: number } {
  return small ? { readings: 300, stockReadings: 30 } : { readings: READINGS, stockReadings: STOCK_READINGS };
}
