/**
 * A node as far as an import sees it: checks, keeps by id and answers as the contract says, and misbehaves when told
 * to.
 */
import express, { type Request } from 'express';
import { AppError, type ErrorDetail } from '../../../shared/app-error.js';
import { LIMITS, readingSchema, telemetryId } from '../../../shared/documents.js';
import { ProgramClient } from '../../../shared/http/client.js';
import { errorBody, sendError } from '../../../shared/http/errors.js';
import { HttpServer } from '../../../shared/http/server.js';
import { contentRevision } from '../../../shared/revision.js';

interface Judged {
  id: string;
  rev: string;
  document: Record<string, unknown>;
}

export class FakeNode {
  readonly stored = new Map<string, { rev: string; document: Record<string, unknown> }>();
  /** Documents of each request that was answered, in order. */
  readonly requestSizes: number[] = [];
  readonly requestBytes: number[] = [];
  requests = 0;
  maxInFlight = 0;
  /** Called before a request is looked at; what it throws is the answer, and it may take its time. */
  before: (request: Request) => void | Promise<void> = () => undefined;
  #inFlight = 0;
  readonly #server: HttpServer;

  constructor() {
    const app = express();
    app.use(express.text({ type: 'application/x-ndjson', limit: LIMITS.requestBytes }));
    app.post('/v1/readings', async (request, response) => {
      this.requests++;
      this.maxInFlight = Math.max(this.maxInFlight, ++this.#inFlight);
      try {
        await this.before(request);
        const { status, body } = this.#take(String(request.body), request.query.partial === 'true');
        response.status(status).json(body);
      } catch (error) {
        if (error instanceof AppError) sendError(response, error);
        else response.status(500).json(errorBody(new AppError('internal', String(error))));
      } finally {
        this.#inFlight--;
      }
    });
    this.#server = new HttpServer({
      host: '127.0.0.1',
      port: 0,
      handler: app,
      settingNames: { host: 'HOST', port: 'PORT' },
    });
  }

  async start(): Promise<this> {
    await this.#server.start();
    return this;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  get client(): ProgramClient {
    return new ProgramClient({ url: this.#server.url, peer: 'the node' });
  }

  get documents(): Record<string, unknown>[] {
    return [...this.stored.values()].map(({ document }) => document);
  }

  #take(text: string, partial: boolean): { status: number; body: object } {
    const lines = text.split('\n').filter((line) => line !== '');
    if (lines.length === 0) throw new AppError('invalid_request', 'there is no document in the request');
    if (lines.length > LIMITS.requestDocuments) throw new AppError('too_large', 'too many documents');
    this.requestSizes.push(lines.length);
    this.requestBytes.push(Buffer.byteLength(text));
    const refused: (ErrorDetail & { index: number; code: 'invalid_request' | 'conflict' })[] = [];
    const fresh = new Map<string, Judged>();
    let duplicates = 0;
    lines.forEach((line, index) => {
      const judged = judge(line, index);
      if ('message' in judged) {
        refused.push(judged);
        return;
      }
      const known = this.stored.get(judged.id) ?? fresh.get(judged.id);
      if (known === undefined) fresh.set(judged.id, judged);
      else if (known.rev === judged.rev) duplicates++;
      else refused.push({ index, code: 'conflict', path: 'at', message: 'is already stored with other content' });
    });
    const first = refused[0];
    if (first && !partial)
      throw new AppError(first.code, `document ${first.index}: ${first.message}`, { details: refused });
    for (const { id, rev, document } of fresh.values()) this.stored.set(id, { rev, document });
    const counts = { accepted: fresh.size, duplicates, lastSeq: this.stored.size };
    return partial ? { status: 200, body: { ...counts, refused } } : { status: 201, body: counts };
  }
}

function judge(
  line: string,
  index: number,
): Judged | { index: number; code: 'invalid_request'; path?: string; message: string } {
  const parsed = readingSchema.safeParse(JSON.parse(line));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { index, code: 'invalid_request', path: String(issue?.path[0] ?? ''), message: String(issue?.message) };
  }
  const document = { ...parsed.data };
  const id = telemetryId('village', 'reading', document);
  return { id, rev: contentRevision(id, document), document };
}
