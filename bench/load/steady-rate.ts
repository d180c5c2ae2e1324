/** Task: one reading a request at a constant rate, whatever the answers do; tells every latency. */
import { driveClosed, driveTimed, openConnections } from '../support/drive.js';
import { postRequest } from '../support/http-connection.js';
import { fleetReadings, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';

export interface SteadyRateLoad {
  url: string;
  connections: number;
  /** Number of the first reading of the fleet to send. */
  from: number;
  /** Requests one after the other before the clock starts. */
  warmUp: number;
  ratePerS: number;
  requests: number;
}

export interface SteadyRateResult {
  /** From the time each request was meant to be sent. */
  latenciesMs: number[];
  /** Of these, how late the request was sent: what the load generator itself adds. */
  latenessMs: number[];
}

serveTask(async (load: SteadyRateLoad): Promise<SteadyRateResult> => {
  const { url, connections, from, warmUp, ratePerS, requests } = load;
  const prepared = [...fleetReadings(VILLAGE_FLEET, from, warmUp + requests)].map((reading) =>
    postRequest(url, 'application/json', JSON.stringify(reading)),
  );
  const open = await openConnections(url, connections);
  await driveClosed(open.slice(0, 4), prepared.slice(0, warmUp).values());
  const timed = prepared.slice(warmUp).map((request, i) => ({ atMs: (i * 1000) / ratePerS, request }));
  const answers = await driveTimed(open, timed);
  for (const connection of open) connection.close();
  return {
    latenciesMs: answers.map(({ answeredMs }) => answeredMs),
    latenessMs: answers.map(({ sentMs }) => sentMs),
  };
});
