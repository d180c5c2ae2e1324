/** Task: publishes readings to a broker with QoS 1; done when each has its PUBACK. */
import mqtt, { type MqttClient } from 'mqtt';
import { formatInstant } from '../../shared/time.js';
import type { PublishLoad, PublishResult } from '../support/apart.js';
import { type BenchReading, fleetReadings, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';

serveTask(async ({ port, connections, inFlight, ...load }: PublishLoad): Promise<PublishResult> => {
  const clients = await Promise.all(
    Array.from({ length: connections }, () => mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 })),
  );
  const readings = readingsOf(load);
  const startMs = performance.now();
  const published = Promise.all(
    clients.flatMap((client) => Array.from({ length: inFlight }, () => publishOneByOne(client, readings))),
  );
  // A publication under way when its connection is lost is never answered.
  await Promise.race([published, ...clients.map(lost)]);
  const elapsedMs = performance.now() - startMs;
  for (const client of clients) client.end(true);
  return { elapsedMs };
});

function lost(client: MqttClient): Promise<never> {
  return new Promise((_, reject) => client.once('close', () => reject(new Error('the broker closed a connection'))));
}

async function publishOneByOne(client: MqttClient, readings: Iterator<BenchReading>): Promise<void> {
  for (let next = readings.next(); !next.done; next = readings.next()) {
    await client.publishAsync(`readings/${next.value.device}`, JSON.stringify(next.value), { qos: 1 });
  }
}

function readingsOf({ device, from, readings }: Pick<PublishLoad, 'device' | 'from' | 'readings'>) {
  if (device === undefined) return fleetReadings(VILLAGE_FLEET, from, readings);
  const at = formatInstant(Date.now());
  return [{ device, at, powerW: 230.5, voltageV: 229.8 } as BenchReading].values();
}
