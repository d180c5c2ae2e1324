/** Task: the documents of the promises, at a constant rate one a request, or many a request as fast as they are taken. */
import { driveClosed, driveTimed, openConnections } from '../support/drive.js';
import { postRequest } from '../support/http-connection.js';
import { type PromisedDocument, promisedDocuments } from '../support/promised-documents.js';
import { serveTask } from '../support/task.js';

export interface PromisedLoad {
  /** Origin of the node. */
  url: string;
  /** Number of the first document. */
  from: number;
  /** Before the clock starts, one a request. */
  warmUp: number;
  documents: number;
  connections: number;
  /** 1 with a rate. */
  perRequest: number;
  /** Requests a second; 0: each connection sends its next as soon as the one before is answered. */
  ratePerS: number;
}

export interface PromisedResult {
  elapsedMs: number;
  /** From the time each request was meant to be sent, readings and predictions apart; with a rate only. */
  readingsMs: number[];
  predictionsMs: number[];
}

serveTask(async (load: PromisedLoad): Promise<PromisedResult> => {
  const { url, from, warmUp, documents, connections, perRequest, ratePerS } = load;
  const open = await openConnections(url, connections);
  await driveClosed(open.slice(0, 4), requestsOf(url, from, warmUp, 1));
  // Made beforehand: the load generator shares the machine with what it measures.
  const requests = [...requestsOf(url, from + warmUp, documents, perRequest)];
  if (ratePerS === 0) {
    const startMs = performance.now();
    await driveClosed(open, requests.values());
    const elapsedMs = performance.now() - startMs;
    for (const connection of open) connection.close();
    return { elapsedMs, readingsMs: [], predictionsMs: [] };
  }
  const timed = requests.map((request, i) => ({ atMs: (i * 1000) / ratePerS, request }));
  const startMs = performance.now();
  const answers = await driveTimed(open, timed);
  const elapsedMs = performance.now() - startMs;
  for (const connection of open) connection.close();
  const ofParity = (parity: number) =>
    answers.filter((_, i) => (from + warmUp + i) % 2 === parity).map(({ answeredMs }) => answeredMs);
  return { elapsedMs, readingsMs: ofParity(0), predictionsMs: ofParity(1) };
});

/** Each request has documents of one kind, since each kind has an endpoint of its own. */
function* requestsOf(url: string, from: number, count: number, perRequest: number): Generator<Buffer> {
  const waiting: Record<PromisedDocument['kind'], string[]> = { reading: [], prediction: [] };
  for (const { kind, body } of promisedDocuments(from, count)) {
    waiting[kind].push(JSON.stringify(body));
    if (waiting[kind].length < perRequest) continue;
    yield request(url, kind, waiting[kind]);
    waiting[kind] = [];
  }
  for (const kind of ['reading', 'prediction'] as const) {
    if (waiting[kind].length > 0) yield request(url, kind, waiting[kind]);
  }
}

function request(url: string, kind: PromisedDocument['kind'], lines: readonly string[]): Buffer {
  const type = lines.length === 1 ? 'application/json' : 'application/x-ndjson';
  return postRequest(`${url}/v1/${kind}s`, type, lines.join('\n'));
}
