/**
 * Peer: what listens at the centre of a Mosquitto bridge: a subscriber with QoS 1 and a session that persists, which
 * stores readings by their ids. PORT (its own, where it says what it holds), BROKER_PORT and FOLDER.
 *
 * It acknowledges a message before that is stored, and stores in groups: a subscriber that waits for its disk at each
 * message would be what limits the bridge.
 */
import path from 'node:path';
import express from 'express';
import mqtt from 'mqtt';
import { telemetryId } from '../../shared/documents.js';
import { type ReadingRow, ReadingTable } from './reading-table.js';

const { PORT = '', BROKER_PORT = '', FOLDER = '' } = process.env;
const STORE_EVERY_MS = 20;

const table = new ReadingTable(path.join(FOLDER, 'centre.db'));
let waiting: ReadingRow[] = [];
setInterval(() => {
  if (waiting.length > 0) table.add(waiting);
  waiting = [];
}, STORE_EVERY_MS);

const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${BROKER_PORT}`, { clientId: 'centre', clean: false });
client.on('message', (_topic, payload) => {
  const body = payload.toString();
  const reading = JSON.parse(body) as { device: string; at: string };
  waiting.push({ id: telemetryId('bench', 'reading', reading), body });
});
await client.subscribeAsync('readings/#', { qos: 1 });

const app = express();
table.serve(app);
app.listen(Number(PORT), '127.0.0.1');
