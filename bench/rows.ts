/** Every row of the benchmark, in the order of the table. */
import { backlog } from './backlog.js';
import { buffers } from './buffers.js';
import { burstWrites } from './burst-writes.js';
import { csvExport } from './csv-export.js';
import { drain } from './drain.js';
import { edgePage } from './edge-page.js';
import { freshness } from './freshness.js';
import { gatewayHerd } from './gateway-herd.js';
import { gatewayWrites } from './gateway-writes.js';
import { idle } from './idle.js';
import { importRow } from './import.js';
import { latency } from './latency.js';
import { million } from './million.js';
import { promiseAccept } from './promises/accept.js';
import { promiseBuffered } from './promises/buffered.js';
import { promiseOnline } from './promises/online.js';
import { promiseRecovery } from './promises/recovery.js';
import { receipts } from './receipts.js';
import { registry } from './registry.js';
import type { Row } from './row.js';
import { singleReadings } from './single-readings.js';
import { villageDay } from './village-day.js';
import { villageDayCouchDb } from './village-day-couchdb.js';

/** What the product promises, in a table of its own. */
export const PROMISES: readonly Row[] = [promiseAccept, promiseBuffered, promiseOnline, promiseRecovery];

export const ROWS: readonly Row[] = [
  ...PROMISES,
  ...[singleReadings, importRow, burstWrites, latency, million],
  ...[villageDay, villageDayCouchDb, freshness, drain, backlog, idle, registry, edgePage],
  ...[gatewayWrites, gatewayHerd, receipts, csvExport, buffers],
];
