/** Row: how fast readings and predictions of 500 bytes are made durable while there is no link. */
import { atLeast, type Figure, type Row, type RunContext } from '../row.js';
import { assertStored, withNode } from '../support/bench-node.js';
import { postInBulk } from './promised-load.js';

const PER_REQUEST = 2_000;
const FEW = 20;
const FEW_CONNECTIONS = 16;

const rate = { unit: 'documents/s', digits: 0 } as const;
const MANY: Figure = {
  ...rate,
  key: 'promise-buffered',
  what: `readings and predictions of 500 bytes buffered, ${PER_REQUEST.toLocaleString('en-US')} a request, 2 in flight`,
  targets: [atLeast(10_000)],
};
const SOME: Figure = {
  ...rate,
  key: 'promise-buffered-20',
  what: `the same, ${FEW} a request, ${FEW_CONNECTIONS} in flight`,
  targets: [],
};

export const promiseBuffered: Row = {
  name: 'promise-buffered',
  figures: [MANY, SOME],
  measure: (context) =>
    withNode(context, {}, async (node) => {
      const { held, documents, few } = sizeOf(context);
      await postInBulk(context, node, { from: 0, documents: held });
      const many = await postInBulk(context, node, { from: held, documents });
      const part = { from: held + documents, documents: few, perRequest: FEW, connections: FEW_CONNECTIONS };
      const some = await postInBulk(context, node, part);
      await assertStored(node, held + documents + few);
      return [
        { figure: MANY, ours: many },
        { figure: SOME, ours: some },
      ];
    }),
};

function sizeOf({ small }: RunContext): { held: number; documents: number; few: number } {
  return small ? { held: 2_000, documents: 4_000, few: 1_000 } : { held: 100_000, documents: 200_000, few: 40_000 };
}
