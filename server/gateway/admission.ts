/**
 * The way every body takes into the gateway: room for it as it arrives, its turn, decompressed, used. Memory is bounded by
 * the limits alone, whoever sends what; see `body-space.ts` and `work-turns.ts`.
 */
import type { Request, Response } from 'express';
import type { Clock } from '../../shared/time.js';
import { assertModest } from './body-density.js';
import { BodySpace } from './body-space.js';
import type { GatewayLimits } from './gateway-limits.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import {
  assertAnnounced,
  decodeBody,
  encodingOf,
  parseJson,
  type ReceivedBody,
  type ReceiveOptions,
  receiveBody,
} from './request-body.js';
import { WorkTurns } from './work-turns.js';

export interface AdmissionOptions {
  limits: GatewayLimits;
  metrics: GatewayMetrics;
  clock: Clock;
}

/** Whose body it is. */
export interface Asking {
  village: string;
  request: Request;
  response: Response;
}

/** About how much telemetry grows when it is decompressed. */
const GROWTH = 12;
const LEAST_COST = 4 * 1024;
/** Bytes a body gets room for at first, where it does not say how long it is going to be. */
const UNKNOWN_BYTES = 64 * 1024;
/** Part of the space that a body has kept for it by announcing its length; beyond it, room is for what has arrived. */
const ANNOUNCED_PART = 1 / 16;

export class Admission {
  readonly #limits: GatewayLimits;
  readonly #metrics: GatewayMetrics;
  readonly #space: BodySpace;
  readonly #turns: WorkTurns;

  constructor({ limits, metrics, clock }: AdmissionOptions) {
    const { bodiesBytes, bodiesAtWork, maxWaitMs } = limits;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#turns = new WorkTurns({ atWork: bodiesAtWork, atWorkBytes: bodiesBytes / 4, maxWaitMs, clock });
    this.#space = new BodySpace({
      capacityBytes: (bodiesBytes * 3) / 4,
      retryAfterS: () => this.#turns.retryAfterS(),
    });
    metrics.watch({
      arrivingBytes: () => this.#space.usedBytes,
      atWorkBytes: () => this.#turns.atWorkBytes,
      atWork: () => this.#turns.atWork,
      waiting: () => this.#turns.waiting,
    });
  }

  /**
   * Hands the parsed body to `use` when it is its turn. Throws `unavailable` where the centre is too busy, what is wrong
   * with the body, and what `use` throws.
   */
  async withBody<T>(asking: Asking, use: (body: unknown) => Promise<T>): Promise<T> {
    const { village, request, response } = asking;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    if (response.destroyed) gone.abort();
    const { bodyBytes } = this.#limits;
    assertAnnounced(request, bodyBytes);
    const costOf = (bytes: number) => Math.min(Math.max(bytes * growthOf(request), LEAST_COST), bodyBytes);
    const coming = this.#turns.expect(village, costOf(announcedBytes(request)));
    const receiving = { maxBytes: bodyBytes, onBytes: (bytes: number) => coming.arrived(costOf(bytes)) };
    try {
      return await this.#receive(asking, receiving, async (received, giveBack) => {
        coming.end();
        const turn = await this.#turns.turn(village, costOf(received.bytes.length), gone.signal);
        try {
          const decoded = await decodeBody(received, bodyBytes);
          this.#metrics.bodyTaken(received.bytes.length, decoded.length);
          turn.decoded(decoded.length);
          giveBack();
          assertModest(decoded);
          return await use(parseJson(decoded));
        } finally {
          turn.end();
        }
      });
    } finally {
      coming.end();
    }
  }

  /** A small body, which waits for no turn. Throws what is wrong with it. */
  smallBody(asking: Asking, maxBytes: number): Promise<unknown> {
    return this.#receive(asking, { maxBytes }, async (received) => parseJson(await decodeBody(received, maxBytes)));
  }

  async #receive<T>(
    { village, request }: Asking,
    { maxBytes, onBytes }: Pick<ReceiveOptions, 'maxBytes' | 'onBytes'>,
    use: (body: ReceivedBody, giveBack: () => void) => Promise<T>,
  ): Promise<T> {
    assertAnnounced(request, maxBytes);
    const keptBytes = Math.max(this.#space.capacityBytes * ANNOUNCED_PART, UNKNOWN_BYTES);
    const room = this.#space.take(village, Math.min(announcedBytes(request), maxBytes, keptBytes));
    try {
      const body = await receiveBody(request, {
        ...{ maxBytes, pauseMs: this.#limits.bodyPauseMs },
        onBytes: (bytes) => {
          room.growTo(bytes);
          onBytes?.(bytes);
        },
      });
      return await use(body, () => room.giveBack());
    } finally {
      room.giveBack();
    }
  }
}

function announcedBytes(request: Request): number {
  return Number(request.headers['content-length'] ?? UNKNOWN_BYTES);
}

function growthOf(request: Request): number {
  return encodingOf(request) === 'identity' ? 1 : GROWTH;
}
