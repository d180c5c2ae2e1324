/**
 * A bad network between two programs on this machine: a TCP proxy with a rate, a delay and faults that can be switched
 * while it runs.
 *
 * The rate of each direction is shared by all connections, the handshake costs a round trip, and every byte passed on
 * is counted. States: `up`; `cut` (connections are reset, new ones too); `frozen` (a black hole: connections are
 * accepted and nothing moves).
 */
import net, { type Socket } from 'node:net';
import { AppError } from '../shared/app-error.js';
import type { Service } from '../shared/service.js';
import { type Clock, systemClock } from '../shared/time.js';
import { type Grant, PacedPipe, wireBytes } from './paced-pipe.js';
import { resetSocket } from './reset-socket.js';
import { SharedRate } from './shared-rate.js';

export interface LinkOptions {
  targetPort: number;
  targetHost?: string;
  /** Where to listen; 0, the default, takes a free port. */
  port?: number;
  /** Bytes per second from client to target and back, headers of segments included; without limit unless given. */
  upBytesPerS?: number;
  downBytesPerS?: number;
  roundTripMs?: number;
  clock?: Clock;
  /** Called for each connection that reaches the target; what it returns is shown the bytes that pass up. */
  observe?: () => UpwardObserver;
}

/** Sees what a client sends as it arrives at the target. */
export interface UpwardObserver {
  passed(bytes: Uint8Array): void;
  /** The connection is gone; called once. */
  closed(): void;
}

/**
 * A reset that arrives together with the last bytes is shown to the receiver as an orderly end (libuv), so it comes a
 * little later.
 */
const LAST_BYTES_MS = 20;

export type LinkState = 'up' | 'cut' | 'frozen';
type Direction = 'up' | 'down';

export interface DirectionCount {
  /** Bytes handed to the receiver. */
  payloadBytes: number;
  /** The same with 40 bytes for each segment of 1,400. */
  wireBytes: number;
}

export interface LinkCounts {
  /** Connections accepted while the link was up or frozen. */
  connections: number;
  up: DirectionCount;
  down: DirectionCount;
}

interface Connection {
  client: Socket;
  target: Socket | undefined;
  pipes: PacedPipe[];
  handshake: NodeJS.Timeout | undefined;
  observer: UpwardObserver | undefined;
}

/** After so many more bytes of payload, in whichever direction ends first. */
export interface ByteLimits {
  up?: number;
  down?: number;
}

export class SimulatedLink implements Service {
  readonly name = 'simulated link';
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #rates: Record<Direction, SharedRate>;
  readonly #connections = new Set<Connection>();
  readonly #counts: LinkCounts = {
    connections: 0,
    up: { payloadBytes: 0, wireBytes: 0 },
    down: { payloadBytes: 0, wireBytes: 0 },
  };
  #state: LinkState = 'up';
  #allowance: Record<Direction, number> = unlimited();
  #cutsWhenExhausted = true;
  #exhausted: NodeJS.Timeout | undefined;
  #server: net.Server | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#rates = {
      up: new SharedRate(options.upBytesPerS ?? Number.POSITIVE_INFINITY, this.#clock),
      down: new SharedRate(options.downBytesPerS ?? Number.POSITIVE_INFINITY, this.#clock),
    };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Where clients connect, `http://127.0.0.1:<port>`; only while it runs. */
  get url(): string {
    const address = this.#server?.address();
    if (!address || typeof address === 'string') throw new AppError('internal', 'the simulated link is not running');
    return `http://127.0.0.1:${address.port}`;
  }

  /** What has passed so far; a copy. */
  get counts(): LinkCounts {
    return structuredClone(this.#counts);
  }

  /** Bytes that were taken from a sender and have not arrived. */
  get queuedBytes(): number {
    let sum = 0;
    for (const { pipes } of this.#connections) for (const pipe of pipes) sum += pipe.queuedBytes;
    return sum;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.#accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#options.port ?? 0, '127.0.0.1', () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.resetConnections();
    await closed;
  }

  /** Resets every connection and every new one, until `restore`. What was on its way is lost. */
  cut(): void {
    this.#state = 'cut';
    this.resetConnections();
  }

  /** A black hole: connections stay and are accepted, but nothing is taken or passed on, until `restore`. */
  freeze(): void {
    this.#state = 'frozen';
    for (const { pipes } of this.#connections) for (const pipe of pipes) pipe.hold();
  }

  /** The link works again; connections that were frozen go on where they stood. Limits set by `cutAfter` are gone. */
  restore(): void {
    this.#state = 'up';
    this.#forgetLimits();
    for (const connection of this.#connections) {
      if (!connection.target && !connection.handshake) this.#shakeHands(connection);
      for (const pipe of connection.pipes) pipe.release();
    }
  }

  /** Resets the connections there are; new ones are welcome if they were before. */
  resetConnections(): void {
    this.#forgetLimits();
    for (const connection of [...this.#connections]) this.#reset(connection);
    this.#rates.up.reset();
    this.#rates.down.reset();
  }

  /**
   * Passes exactly so many more bytes, then cuts (0: at the next byte, which does not pass). A later call replaces an
   * earlier one.
   */
  cutAfter(limits: ByteLimits): void {
    this.#allowance = { ...unlimited(), ...limits };
    this.#cutsWhenExhausted = true;
  }

  /** As `cutAfter`, but the link stays up: only the connections are reset, once. */
  resetAfter(limits: ByteLimits): void {
    this.#allowance = { ...unlimited(), ...limits };
    this.#cutsWhenExhausted = false;
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#state === 'cut') {
      resetSocket(client);
      return;
    }
    this.#counts.connections++;
    const connection: Connection = {
      ...{ client, target: undefined, pipes: [] },
      ...{ handshake: undefined, observer: undefined },
    };
    this.#connections.add(connection);
    client.on('close', (hadError) => this.#sideClosed(connection, hadError));
    if (this.#state === 'up') this.#shakeHands(connection);
  }

  /** The system has already answered the client's SYN; the round trip it would have cost is waited for here. */
  #shakeHands(connection: Connection): void {
    connection.handshake = setTimeout(() => {
      connection.handshake = undefined;
      if (this.#state === 'up') this.#connect(connection);
    }, this.#options.roundTripMs ?? 0);
  }

  #connect(connection: Connection): void {
    const { client } = connection;
    const { targetHost = '127.0.0.1', targetPort } = this.#options;
    const target = net.connect({ host: targetHost, port: targetPort, allowHalfOpen: true });
    connection.target = target;
    target.on('error', () => undefined);
    target.on('close', (hadError) => this.#sideClosed(connection, hadError));
    client.setNoDelay(true);
    target.setNoDelay(true);
    connection.observer = this.#options.observe?.();
    const { observer } = connection;
    connection.pipes.push(
      this.#pipe('up', client, target, (bytes) => observer?.passed(bytes)),
      this.#pipe('down', target, client),
    );
    for (const pipe of connection.pipes) pipe.release();
  }

  #pipe(direction: Direction, source: Socket, sink: Socket, onPassed?: (bytes: Uint8Array) => void): PacedPipe {
    return new PacedPipe({
      source,
      sink,
      rate: this.#rates[direction],
      delayMs: (this.#options.roundTripMs ?? 0) / 2,
      clock: this.#clock,
      grant: (bytes) => this.#grant(direction, bytes),
      ...(onPassed ? { onPassed } : {}),
      onExhausted: () => this.#breakOffSoon(),
    });
  }

  #grant(direction: Direction, bytes: number): Grant {
    const granted = Math.min(bytes, this.#allowance[direction]);
    this.#allowance[direction] -= granted;
    this.#counts[direction].payloadBytes += granted;
    this.#counts[direction].wireBytes += wireBytes(granted);
    return { bytes: granted, isLast: this.#allowance[direction] === 0 };
  }

  #forgetLimits(): void {
    this.#allowance = unlimited();
    clearTimeout(this.#exhausted);
    this.#exhausted = undefined;
  }

  #breakOffSoon(): void {
    if (this.#exhausted) return;
    const timer = setTimeout(() => {
      // A receiver in this process may have been kept from reading for as long: it reads before what is due at once.
      setImmediate(() => {
        if (this.#exhausted === timer) this.#breakOff();
      });
    }, LAST_BYTES_MS);
    this.#exhausted = timer;
  }

  #breakOff(): void {
    if (this.#cutsWhenExhausted) this.cut();
    else this.resetConnections();
  }

  /** A side that ended in order closes by itself once both have; one that failed takes the other with it. */
  #sideClosed(connection: Connection, hadError: boolean): void {
    const { client, target } = connection;
    if (hadError || !target || (client.closed && target.closed)) this.#reset(connection);
  }

  #reset(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    clearTimeout(connection.handshake);
    for (const pipe of connection.pipes) pipe.close();
    connection.observer?.closed();
    resetSocket(connection.client);
    if (connection.target) resetSocket(connection.target);
  }
}

function unlimited(): Record<Direction, number> {
  return { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY };
}
