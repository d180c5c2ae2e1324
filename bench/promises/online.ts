/**
 * Row: readings and predictions of 500 bytes through a live node to the centre over a LAN, one a request, for a minute: at
 * what rate they arrive, how soon each is acknowledged, and how soon one is at the centre meanwhile.
 *
 * A tenth more is offered than is promised, so that the figure can fall below the promise and rise above it.
 */
import { sleep } from '../../shared/time.js';
import { waitFor } from '../../sim/wait-for.js';
import { couchdbUrl } from '../../test/support/couchdb.js';
import { atLeast, atMost, type Figure, type Measured, type Row, type RunContext } from '../row.js';
import { assertHeldBoth, type BenchCentre, settingsFor, withGateway, withGatewayTo } from '../support/bench-centre.js';
import { LAN_LINK, withLink } from '../support/bench-link.js';
import { type BenchNode, withNode } from '../support/bench-node.js';
import { postOne, statusOf, untilDrained } from '../support/node-client.js';
import { median } from '../support/statistics.js';
import { postAtRate } from './promised-load.js';

const PROMISED_PER_S = [100, 1_000] as const;
const OFFERED = 1.1;
const PROBE_EVERY_MS = 1_000;
const POLL_MS = 20;
const TIMEOUT_MS = 120_000;

interface Figures {
  rate: Figure;
  accepted: Figure;
  fresh: Figure;
  worst: Figure;
}

const ACCEPT_MISSED =
  'node, gateway, store and load share two cores, which the rate alone keeps busy: a request waits for its turn. The ' +
  'promise of 2 ms is kept at up to 200 a second (`promise-accept`); many readings a request take fewer turns ' +
  '(`promise-buffered`)';

function figuresAt(perS: number, where: string, suffix: string): Figures {
  const offered = Math.round(perS * OFFERED).toLocaleString('en-US');
  const key = `promise-online-${perS}${suffix}`;
  return {
    rate: {
      ...{ key, unit: 'documents/s', digits: 0, targets: [atLeast(perS)] },
      what: `readings and predictions of 500 bytes online over a LAN to ${where}, ${offered}/s offered for a minute`,
    },
    accepted: {
      ...{ key: `${key}-accept`, unit: 'ms', digits: 2, targets: [atMost(2)] },
      what: 'acknowledged by the node meanwhile, median',
      ...(perS === 100 ? {} : { missed: ACCEPT_MISSED }),
    },
    fresh: {
      ...{ key: `${key}-fresh`, unit: 's', digits: 2, targets: [atMost(2)] },
      what: 'at the centre after the POST meanwhile, one a second, median',
    },
    worst: { ...{ key: `${key}-worst`, unit: 's', digits: 2, targets: [] }, what: 'the same, worst' },
  };
}

const [LOW, HIGH] = PROMISED_PER_S;
const EMBEDDED = [
  { perS: LOW, figures: figuresAt(LOW, 'the embedded gateway', '') },
  { perS: HIGH, figures: figuresAt(HIGH, 'the embedded gateway', '') },
];
const COUCHDB = [{ perS: HIGH, figures: figuresAt(HIGH, 'a gateway before CouchDB', '-couchdb') }];

export const promiseOnline: Row = {
  name: 'promise-online',
  once: true,
  figures: [...EMBEDDED, ...COUCHDB].flatMap(({ figures }) => Object.values<Figure>({ ...figures })),
  async measure(context) {
    const measured: Measured[] = [];
    for (const { perS, figures } of EMBEDDED) {
      measured.push(...(await withGateway(context, (centre) => measureOn(context, centre, perS, figures))));
    }
    const couchdb = couchdbUrl();
    if (!couchdb) {
      context.say('promise-online: a gateway before CouchDB is not measured, COUCHDB_URL names none');
      return measured;
    }
    for (const { perS, figures } of COUCHDB) {
      measured.push(...(await withGatewayTo(context, couchdb, (centre) => measureOn(context, centre, perS, figures))));
    }
    return measured;
  },
};

function measureOn(context: RunContext, centre: BenchCentre, perS: number, figures: Figures): Promise<Measured[]> {
  const { seconds, warmUp } = context.small ? { seconds: 2, warmUp: 200 } : { seconds: 60, warmUp: 4_000 };
  const ratePerS = Math.round((context.small ? perS / 10 : perS) * OFFERED);
  const documents = ratePerS * seconds;
  return withLink(centre.port, LAN_LINK, (link) =>
    withNode(context, settingsFor(centre, link.url), async (node) => {
      await untilDrained(context, node, TIMEOUT_MS);
      await postAtRate(context, node, { from: 0, warmUp: 0, documents: warmUp, ratePerS });
      await untilDrained(context, node, TIMEOUT_MS);
      const probes = new Probes(context, centre, node);
      const startMs = performance.now();
      const load = await postAtRate(context, node, { from: warmUp, warmUp: 0, documents, ratePerS });
      // While the clock still runs: what is pending now was not delivered in this time.
      const { pending } = (await statusOf(node)).store;
      const elapsedS = (performance.now() - startMs) / 1000;
      const arrivedS = await probes.end();
      await untilDrained(context, node, TIMEOUT_MS);
      await assertHeldBoth(centre, warmUp + documents, probes.posted);
      context.say(`promise-online: ${pending} pending after ${elapsedS.toFixed(1)} s, ${arrivedS.length} probes`);
      return [
        { figure: figures.rate, ours: (documents - pending) / Math.max(load.elapsedMs / 1000, documents / ratePerS) },
        { figure: figures.accepted, ours: median([...load.readingsMs, ...load.predictionsMs]) },
        { figure: figures.fresh, ours: median(arrivedS) },
        { figure: figures.worst, ours: Math.max(...arrivedS) },
      ];
    }),
  );
}

/** One reading after the other of devices of their own, each until an analyst finds it at the centre. */
class Probes {
  readonly #ended = new AbortController();
  readonly #running: Promise<number[]>;
  posted = 0;

  constructor(context: RunContext, centre: BenchCentre, node: BenchNode) {
    this.#running = this.#run(context, centre, node);
    // Looked at by `end`; whatever fails meanwhile is told first.
    this.#running.catch(() => undefined);
  }

  /** Seconds each took; waits for the last one. */
  end(): Promise<number[]> {
    this.#ended.abort();
    return this.#running;
  }

  async #run({ signal }: RunContext, centre: BenchCentre, node: BenchNode): Promise<number[]> {
    const arrivedS: number[] = [];
    do {
      const device = `fresh-${this.posted++}`;
      const startMs = performance.now();
      await postOne(node, device);
      const options = { what: `${device} at the centre`, timeoutMs: TIMEOUT_MS, intervalMs: POLL_MS, signal };
      await waitFor(() => centre.holdsDevice(device), options);
      arrivedS.push((performance.now() - startMs) / 1000);
      await sleep(PROBE_EVERY_MS, this.#ended.signal);
    } while (!this.#ended.signal.aborted && !signal.aborted);
    return arrivedS;
  }
}
