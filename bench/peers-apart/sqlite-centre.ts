/**
 * Peer: the centre that a SQLite buffer sends to: checks the credential and stores each batch in one transaction of its
 * own SQLite before it answers. PORT, FOLDER, CENTRE_USER and CENTRE_PASSWORD.
 */
import path from 'node:path';
import express from 'express';
import { ReadingTable } from './reading-table.js';

const { PORT = '', FOLDER = '', CENTRE_USER = '', CENTRE_PASSWORD = '' } = process.env;
const expected = `Basic ${Buffer.from(`${CENTRE_USER}:${CENTRE_PASSWORD}`).toString('base64')}`;
const table = new ReadingTable(path.join(FOLDER, 'centre.db'));

const app = express();
app.post('/v1/batches', express.json({ limit: '16mb' }), (request, response) => {
  if (request.headers.authorization !== expected) {
    response.status(401).json({ error: 'unknown user or wrong password' });
    return;
  }
  const readings = request.body as { id: string }[];
  table.add(readings.map(({ id, ...reading }) => ({ id, body: JSON.stringify(reading) })));
  response.json({ stored: readings.length });
});
table.serve(app);
app.listen(Number(PORT), '127.0.0.1');
