import { expect } from 'chai';
import fc from 'fast-check';
import { describe } from 'mocha';
import type { AppError } from '../../../shared/app-error.js';
import { type PostedDocument, type PostedType, telemetryId } from '../../../shared/documents.js';
import { contentRevision } from '../../../shared/revision.js';
import { itWithSeed } from '../../support/seeds.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { contentOf, type Expected, IngestModel, type Posting } from './ingest-model.js';
import { posting } from './postings.js';
import { everything, numbersByNode, openStore, type Store, upTo } from './store-under-test.js';

type Step = { kind: 'post'; postings: Posting[] } | { kind: 'event' } | { kind: 'restart' } | { kind: 'roll' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('post' as const),
      postings: fc.array(posting, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('event' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('roll' as const) }) },
);

/** What became of a posting, in the model's words. */
async function submit(store: Store, { documents, partial }: Posting): Promise<Expected> {
  try {
    const { accepted, duplicates, refused } = await store.ingest.submit(documents, partial);
    return { accepted, duplicates, refused: refused.map(({ index }) => index) };
  } catch (error) {
    const { code, details = [] } = error as AppError;
    if (code !== 'conflict') throw error;
    return { accepted: 0, duplicates: 0, refused: details.map(({ index }) => index ?? -1) };
  }
}

async function checkStored(store: Store, model: IngestModel, events: number): Promise<void> {
  const documents = await everything(store.ledger);
  const total = model.stored.size + events;
  expect(numbersByNode(documents)).to.deep.equal(total === 0 ? {} : { [store.state.node]: upTo(total) });
  expect(store.ledger.lastSeq).to.equal(total);
  expect(store.ledger.pending).to.equal(total);
  const posted = documents.filter(({ type }) => type !== 'event');
  expect(new Set(documents.map(({ _id }) => _id)).size).to.equal(total);
  expect(new Map(posted.map((one) => [one._id, contentOf(one)]))).to.deep.equal(model.stored);
  for (const one of posted) {
    expect(one._id).to.equal(telemetryId('kano', one.type as PostedType, one as PostedDocument['fields']));
    expect(one._rev).to.equal(contentRevision(one._id, one));
    expect(one).to.include({ village: 'kano', node: store.state.node });
  }
  expect(
    [...(await store.ledger.revisions([...model.stored.keys(), 'kano:r:nobody:2026'])).keys()].sort(),
  ).to.deep.equal([...model.stored.keys()].sort());
}

async function play(steps: readonly Step[], segmentMaxDocs: number): Promise<void> {
  const folder = await createTempFolder();
  const model = new IngestModel();
  let events = 0;
  let store = await openStore({ folder, segmentMaxDocs });
  try {
    const { node } = store.state;
    for (const one of steps) {
      if (one.kind === 'post') {
        const answers = await Promise.all(one.postings.map((each) => submit(store, each)));
        expect(answers).to.deep.equal(one.postings.map((each) => model.take(each)));
      } else if (one.kind === 'event') {
        await store.ingest.submitEvent('test');
        events++;
      } else if (one.kind === 'roll') await store.ledger.roll();
      else {
        const { boot } = store.state;
        await store.close();
        store = await openStore({ folder, segmentMaxDocs });
        expect([store.state.node, store.state.boot]).to.deep.equal([node, boot + 1]);
      }
      await checkStored(store, model, events);
    }
  } finally {
    await store.close();
    await removeFolder(folder);
  }
}

describe('the ledger', () => {
  for (const [segmentMaxDocs, numRuns] of [
    [200_000, 12],
    [7, 12],
  ] as const) {
    itWithSeed(
      `holds exactly what was accepted, numbered from 1 without a gap, whatever comes, restarts and rolls at ${segmentMaxDocs}`,
      async (_, seed) => {
        const steps = fc.array(step, { minLength: 1, maxLength: 12 });
        await fc.assert(
          fc.asyncProperty(steps, (given) => play(given, segmentMaxDocs)),
          { numRuns, seed, interruptAfterTimeLimit: 25_000, markInterruptAsFailure: false },
        );
      },
    );
  }
});
