/**
 * Peer: a village's buffer as many projects build it: an Express that stores what is posted in a SQLite, one transaction
 * a request, and sends it on in batches. PORT and FOLDER say where.
 */
import path from 'node:path';
import express from 'express';
import { telemetryId } from '../../shared/documents.js';
import { formatInstant } from '../../shared/time.js';
import type { SendTo } from '../support/apart.js';
import { BatchSender } from './batch-sender.js';
import { Outbox, type OutboxRow } from './outbox.js';

const { PORT = '', FOLDER = '' } = process.env;
const outbox = new Outbox(path.join(FOLDER, 'outbox.db'));
let sender: BatchSender | undefined;

const app = express();
app.get('/readyz', (_request, response) => {
  response.json({ ok: true });
});
app.post(
  '/v1/readings',
  express.json({ limit: '8mb' }),
  express.text({ type: 'application/x-ndjson', limit: '8mb' }),
  (request, response) => {
    const rows = rowsOf(request.body as string | object);
    if (!rows) {
      response.status(400).json({ error: 'a reading needs a device' });
      return;
    }
    const accepted = outbox.add(rows);
    sender?.wake();
    response.status(201).json({ accepted, duplicates: rows.length - accepted });
  },
);
/** Begins to send. */
app.post('/sender', express.json(), (request, response) => {
  sender = new BatchSender(outbox, request.body as SendTo);
  void sender.run();
  response.status(204).end();
});
const server = app.listen(Number(PORT), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  outbox.close();
  process.exit(0);
});

/** Undefined when one is no reading. */
function rowsOf(body: string | object): Omit<OutboxRow, 'seq'>[] | undefined {
  const posted = typeof body === 'string' ? body.split('\n').map((line) => JSON.parse(line) as object) : [body];
  const rows: Omit<OutboxRow, 'seq'>[] = [];
  for (const one of posted) {
    const { device, at = formatInstant(Date.now()) } = one as { device?: string; at?: string };
    if (device === undefined) return undefined;
    rows.push({ id: telemetryId('bench', 'reading', { device, at }), body: JSON.stringify({ ...one, at }) });
  }
  return rows;
}
