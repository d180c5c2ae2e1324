/** `POST /v1/replicate`: a forced replication, its progress streamed as NDJSON; the last line says how it ended. */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { parseBody } from '../../shared/validation.js';
import type { NodeParts } from '../node-parts.js';
import { forcedReplication } from '../push/forced-replication.js';
import type { OneShotProgress } from '../push/one-shot.js';

const MAX_DEADLINE_S = 7 * 86_400;
/** Progress more often than this tells nobody anything. */
const TELL_EVERY_MS = 200;
/** A line at least this often, so that the caller sees that the node is alive. */
const HEARTBEAT_MS = 5_000;

export const replicateBodySchema = z.strictObject({
  deadlineS: z.number().positive().max(MAX_DEADLINE_S).optional().describe('Seconds after which it gives up'),
  maxRetries: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe("Attempts in a row without progress; the node's MAX_RETRIES unless given"),
  retryIntervalS: z
    .number()
    .min(0)
    .max(3600)
    .optional()
    .describe('Attempt n is followed by n times so many seconds; RETRY_INTERVAL unless given'),
});

export function postReplicate(parts: NodeParts): RequestHandler {
  return async (request, response) => {
    const { deadlineS, maxRetries, retryIntervalS } = parseBody(
      replicateBodySchema,
      request.body ?? {},
      'the request body',
    );
    const { sync } = parts;
    if (!sync) throw new AppError('not_configured', 'this node has no API_URL: there is no centre to replicate to');
    response.status(200).type('application/x-ndjson');
    const write = (line: object) => {
      if (!response.writableEnded && !response.destroyed) response.write(`${JSON.stringify(line)}\n`);
    };
    let last: object = {};
    let toldMs = Number.NEGATIVE_INFINITY;
    const callerGone = new AbortController();
    response.once('close', () => callerGone.abort());
    const heartbeat = setInterval(() => write(last), HEARTBEAT_MS);
    try {
      const limits = {
        deadlineMs: deadlineS === undefined ? undefined : deadlineS * 1000,
        maxRetries,
        retryIntervalMs: retryIntervalS === undefined ? undefined : retryIntervalS * 1000,
      };
      const tell = (progress: OneShotProgress) => {
        last = progress;
        if (performance.now() - toldMs < TELL_EVERY_MS && progress.error === undefined) return;
        toldMs = performance.now();
        write(progress);
      };
      write(await forcedReplication({ ...parts, sync }, limits, tell, callerGone.signal));
    } finally {
      clearInterval(heartbeat);
      response.end();
    }
  };
}
