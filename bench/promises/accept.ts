/**
 * Row: how soon a reading or a prediction of 500 bytes is acknowledged, on the disk, at a steady rate, one a request. The
 * node has no centre.
 */
import { atMost, type Figure, type Row, type RunContext } from '../row.js';
import { assertStored, withNode } from '../support/bench-node.js';
import { median, percentile } from '../support/statistics.js';
import { postAtRate } from './promised-load.js';

const RATE_PER_S = 200;
const LIMIT_MS = 2;

const milliseconds = { unit: 'ms', digits: 2 } as const;
const READING: Figure = {
  ...milliseconds,
  key: 'promise-accept-reading',
  what: `a reading of 500 bytes acknowledged, ${RATE_PER_S} requests/s, median`,
  targets: [atMost(LIMIT_MS)],
};
const PREDICTION: Figure = {
  ...milliseconds,
  key: 'promise-accept-prediction',
  what: 'the same, a prediction',
  targets: [atMost(LIMIT_MS)],
};
const P99: Figure = {
  ...milliseconds,
  key: 'promise-accept-p99',
  what: 'both, p99',
  targets: [],
};

export const promiseAccept: Row = {
  name: 'promise-accept',
  figures: [READING, PREDICTION, P99],
  measure: (context) =>
    withNode(context, {}, async (node) => {
      const size = sizeOf(context);
      const { readingsMs, predictionsMs } = await postAtRate(context, node, { ...size, from: 0, ratePerS: RATE_PER_S });
      await assertStored(node, size.warmUp + size.documents);
      return [
        { figure: READING, ours: median(readingsMs) },
        { figure: PREDICTION, ours: median(predictionsMs) },
        { figure: P99, ours: percentile([...readingsMs, ...predictionsMs], 0.99) },
      ];
    }),
};

function sizeOf({ small }: RunContext): { warmUp: number; documents: number } {
  return small ? { warmUp: 200, documents: RATE_PER_S } : { warmUp: 4_000, documents: 30 * RATE_PER_S };
}
