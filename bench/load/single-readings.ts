/** Task: one reading a request over many keep-alive connections, as fast as the server answers. */
import { driveClosed, openConnections } from '../support/drive.js';
import { postRequest } from '../support/http-connection.js';
import { fleetReadings, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';

export interface SingleReadingsLoad {
  /** Where to post. */
  url: string;
  connections: number;
  /** Number of the first reading of the fleet to send. */
  from: number;
  /** Requests before the clock starts, so that both sides are compiled. */
  warmUp: number;
  requests: number;
}

export interface SingleReadingsResult {
  elapsedMs: number;
}

serveTask(async (load: SingleReadingsLoad): Promise<SingleReadingsResult> => {
  const { url, connections, from, warmUp, requests } = load;
  // Made beforehand: the load generator shares two cores with what it measures.
  const prepared = [...fleetReadings(VILLAGE_FLEET, from, warmUp + requests)].map((reading) =>
    postRequest(url, 'application/json', JSON.stringify(reading)),
  );
  const open = await openConnections(url, connections);
  await driveClosed(open, prepared.slice(0, warmUp).values());
  const startMs = performance.now();
  await driveClosed(open, prepared.slice(warmUp).values());
  const elapsedMs = performance.now() - startMs;
  for (const connection of open) connection.close();
  return { elapsedMs };
});
