/** What the embedded store makes of ids it knows, whoever wrote them and whatever became of them. */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { checkedCounters, readCounters } from '../../../server/store/database-counters.js';
import { heldDocuments } from '../../../server/store/held-documents.js';
import { keyIn, readEntries, writeEntries } from '../../../server/store/raw-entries.js';
import { type Database, openDatabase, UnreadableEntry } from '../../../shared/pouchdb.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { incoming, readings, type Sent } from '../support/documents.js';

describe('what an embedded store holds', () => {
  let database: Database;
  afterEach(() => database.close());
  const folder = useTempFolder();
  beforeEach(async () => {
    database = await openDatabase(path.join(folder.path, 'telemetry'));
  });

  const [one, two, three] = readings('kano', 3) as [Sent, Sent, Sent];
  const store = (...documents: object[]) => database.bulkDocs(documents, { new_edits: false });
  const held = async (...documents: Sent[]) =>
    Object.fromEntries(await heldDocuments(database, documents.map(incoming)));
  const failure = (work: Promise<unknown>) => work.catch((error: unknown) => error);
  const change = async (where: string, name: string, value: (text: string) => string) => {
    const [entry] = await readEntries(database, { store: where, from: name, to: name });
    await writeEntries(database, [{ type: 'put', key: keyIn(where, name), value: value(entry?.[1] ?? '') }]);
  };

  it('is told with revision and number for those sent again, and nothing for new ones', async () => {
    await store(one, two);
    expect(await held(one, three, { ...two, _rev: '1-ffffffffffff' })).to.deep.equal({
      [one._id]: { rev: one._rev, node: 'node1', seq: 1, deleted: false },
      [two._id]: { rev: two._rev, node: '', seq: 0, deleted: false },
    });
  });

  it('is told of documents with several branches, of deleted ones and of those without a number', async () => {
    const branch = { ...one, _rev: '1-ffffffffffff', node: 'node2', seq: 9 };
    await store(one, branch, two, { _id: three._id, _rev: three._rev });
    await database.remove({ _id: two._id, _rev: two._rev });
    expect(await held(branch, two, three)).to.deep.equal({
      [one._id]: { rev: branch._rev, node: 'node2', seq: 9, deleted: false },
      [two._id]: { rev: '', node: '', seq: 0, deleted: true },
      [three._id]: { rev: three._rev, node: '', seq: 0, deleted: false },
    });
    expect((await held(one))[one._id]).to.include({ rev: one._rev, node: 'node1', seq: 1 });
  });

  it('is not guessed where a record or a body is damaged', async () => {
    await store(one, two, three);
    await change('document-store', one._id, (text) => text.slice(0, -5));
    await change('by-sequence', '2'.padStart(16, '0'), (text) => text.slice(0, -5));
    await change('by-sequence', '3'.padStart(16, '0'), (text) => text.replace(three._rev, '1-ffffffffffff'));
    for (const damaged of [one, two, three]) {
      const error = await failure(held(damaged));
      expect(error).to.be.instanceOf(UnreadableEntry);
      expect((error as Error).message).to.equal(`the document ${damaged._id} cannot be read`);
    }
  });

  it('is never written over after its counters were damaged or forgotten', async () => {
    await store(one, two);
    expect(await checkedCounters(database)).to.deep.equal({ updateSeq: 2, documents: 2 });
    await change('meta-store', '_local_last_update_seq', () => '1');
    expect(await failure(checkedCounters(database))).to.be.instanceOf(UnreadableEntry);
    await change('meta-store', '_local_last_update_seq', () => '"x"');
    expect(await failure(readCounters(database))).to.be.instanceOf(UnreadableEntry);
  });
});
