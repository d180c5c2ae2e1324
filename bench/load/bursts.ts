/** Task: a village's day: in every burst each meter posts its reading itself, at a moment of its own. */
import { SeededRandom } from '../../sim/random.js';
import { driveTimed, openConnections } from '../support/drive.js';
import { postRequest } from '../support/http-connection.js';
import { fleetReadings, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';

export interface BurstsLoad {
  url: string;
  connections: number;
  /** The quarter hours between them are left out. */
  bursts: number;
  /** The meters' clocks differ by up to so much; 0: all at once. */
  spreadMs: number;
}

export interface BurstsResult {
  readings: number;
}

serveTask(async ({ url, connections, bursts, spreadMs }: BurstsLoad): Promise<BurstsResult> => {
  const { meters, seed } = VILLAGE_FLEET;
  const random = new SeededRandom(seed);
  const open = await openConnections(url, connections);
  for (let burst = 0; burst < bursts; burst++) {
    const timed = [...fleetReadings(VILLAGE_FLEET, burst * meters, meters)].map((reading) => ({
      atMs: random.between(0, spreadMs),
      request: postRequest(url, 'application/json', JSON.stringify(reading)),
    }));
    timed.sort((a, b) => a.atMs - b.atMs);
    await driveTimed(open, timed);
  }
  for (const connection of open) connection.close();
  return { readings: bursts * meters };
});
