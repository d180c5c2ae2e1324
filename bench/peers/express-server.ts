/** Peer: a bare Express server that parses the JSON and answers 201; the port is the first argument. */
import express from 'express';

const app = express();
app.get('/readyz', (_request, response) => {
  response.json({ ok: true });
});
app.post('/v1/readings', express.json(), (request, response) => {
  const { device } = request.body as { device?: string };
  if (device === undefined) response.status(400).json({ error: 'no device' });
  else response.status(201).json({ accepted: 1, duplicates: 0, lastSeq: 1 });
});
app.listen(Number(process.argv[2]), '127.0.0.1');
