/** Task: many readings a request as NDJSON, a few requests in flight. */
import { driveClosed, openConnections } from '../support/drive.js';
import { postRequest } from '../support/http-connection.js';
import { type BenchReading, type FleetPlan, fleetReadings, shuffledReadings } from '../support/readings.js';
import { serveTask } from '../support/task.js';

export interface ImportLoad {
  url: string;
  plan: FleetPlan;
  /** Number of the first reading of the fleet to send. */
  from: number;
  readings: number;
  perRequest: number;
  inFlight: number;
  /** Devices and times in random order. */
  shuffled: boolean;
  /** Make everything before the clock starts; otherwise on the way, for what would not fit in memory. */
  prepared: boolean;
}

export interface ImportResult {
  perSecond: number;
  accepted: number;
  duplicates: number;
}

serveTask(async (load: ImportLoad): Promise<ImportResult> => {
  const { url, readings, inFlight } = load;
  const requests = load.prepared ? [...requestsOf(load)].values() : requestsOf(load);
  const open = await openConnections(url, inFlight);
  let accepted = 0;
  let duplicates = 0;
  const startMs = performance.now();
  await driveClosed(open, requests, ({ body }) => {
    const told = JSON.parse(body.toString()) as { accepted: number; duplicates: number };
    accepted += told.accepted;
    duplicates += told.duplicates;
  });
  const elapsedMs = performance.now() - startMs;
  for (const connection of open) connection.close();
  if (accepted + duplicates !== readings) {
    throw new Error(`sent ${readings} readings; ${accepted} were accepted and ${duplicates} called duplicates`);
  }
  return { perSecond: (readings / elapsedMs) * 1000, accepted, duplicates };
});

function* requestsOf({ url, plan, from, readings, perRequest, shuffled }: ImportLoad): Generator<Buffer> {
  let lines: string[] = [];
  const source: Iterable<BenchReading> = shuffled
    ? shuffledReadings(plan, from, readings)
    : fleetReadings(plan, from, readings);
  for (const reading of source) {
    lines.push(JSON.stringify(reading));
    if (lines.length < perRequest) continue;
    yield postRequest(url, 'application/x-ndjson', lines.join('\n'));
    lines = [];
  }
  if (lines.length > 0) yield postRequest(url, 'application/x-ndjson', lines.join('\n'));
}
