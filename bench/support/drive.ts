/** Load over keep-alive connections: as fast as they carry it, or each request at a time of its own. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sleep } from '../../shared/time.js';
import { assertCreated, type HttpAnswer, HttpConnection } from './http-connection.js';

/** A timer may come this much late; the rest of a wait is spent looking at the clock. */
const TIMER_SLACK_MS = 2;

export async function openConnections(url: string, count: number): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: count }, () => HttpConnection.open(url)));
}

/** Closed loop: every connection sends its next request as soon as the one before is answered with 201. */
export async function driveClosed(
  connections: readonly HttpConnection[],
  requests: Iterator<Buffer>,
  onAnswer: (answer: HttpAnswer) => void = () => undefined,
): Promise<void> {
  await Promise.all(
    connections.map(async (connection) => {
      for (let next = requests.next(); !next.done; next = requests.next()) {
        const answer = await connection.send(next.value);
        assertCreated(answer);
        onAnswer(answer);
      }
    }),
  );
}

export interface TimedRequest {
  /** Milliseconds after the start when it is meant to be sent. */
  atMs: number;
  request: Buffer;
}

/** What became of a request in an open loop, in milliseconds after the time it was meant to be sent. */
export interface TimedAnswer {
  sentMs: number;
  answeredMs: number;
}

/**
 * Open loop: each request goes out at its time, whatever became of those before, or as soon as a connection is free.
 */
export async function driveTimed(
  connections: readonly HttpConnection[],
  requests: readonly TimedRequest[],
): Promise<TimedAnswer[]> {
  const idle = [...connections];
  const freed: (() => void)[] = [];
  const answers: Promise<TimedAnswer>[] = [];
  const startMs = performance.now();
  for (const { atMs, request } of requests) {
    await untilMs(startMs + atMs);
    if (idle.length === 0) await new Promise<void>((resolve) => freed.push(resolve));
    // The one that has rested longest: a server closes those nobody uses.
    const connection = idle.shift();
    if (!connection) throw new Error('no connection is free');
    const sentMs = performance.now() - startMs - atMs;
    const answer = connection.send(request).then((given) => {
      const answeredMs = performance.now() - startMs - atMs;
      assertCreated(given);
      idle.push(connection);
      freed.shift()?.();
      return { sentMs, answeredMs };
    });
    // Seen below by Promise.all; a rejection meanwhile is not to end the process.
    answer.catch(() => freed.shift()?.());
    answers.push(answer);
  }
  return Promise.all(answers);
}

async function untilMs(deadlineMs: number): Promise<void> {
  for (let leftMs = deadlineMs - performance.now(); leftMs > 0; leftMs = deadlineMs - performance.now()) {
    if (leftMs > TIMER_SLACK_MS) await sleep(Math.floor(leftMs - TIMER_SLACK_MS));
    else await nextTurn();
  }
}
