/** The rows of the promises, in their small form, and the documents they are of. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { promiseAccept } from '../../bench/promises/accept.js';
import { promiseBuffered } from '../../bench/promises/buffered.js';
import type { Row } from '../../bench/row.js';
import { DOCUMENT_BYTES, promisedDocuments } from '../../bench/support/promised-documents.js';
import { predictionSchema, readingSchema, telemetryId } from '../../shared/documents.js';
import { useTempFolder } from '../support/temp-folder.js';

describe('the promises of the benchmark', () => {
  const folder = useTempFolder();
  const measure = async (row: Row): Promise<void> => {
    const signal = new AbortController().signal;
    const context = { peerFirst: false, small: true, profileFolder: undefined, signal, say: () => undefined };
    const measured = await row.measure({ ...context, folder: folder.path });
    expect(measured.map(({ figure }) => figure.key)).to.deep.equal(row.figures.map(({ key }) => key));
    for (const { figure, ours } of measured) expect(ours, figure.key).to.be.above(0);
  };

  it('are measured with readings and predictions in turn, 500 bytes each, that a node takes and that are all new', () => {
    const documents = [...promisedDocuments(0, 4_000)];
    for (const { kind, body } of documents) {
      expect(Buffer.byteLength(JSON.stringify(body))).to.equal(DOCUMENT_BYTES);
      if (kind === 'reading') readingSchema.parse(body);
      else predictionSchema.parse(body);
    }
    expect(documents.filter(({ kind }) => kind === 'reading')).to.have.length(2_000);
    const ids = documents.map(({ kind, body }) => telemetryId('bench', kind, body as { at: string; device: string }));
    expect(new Set(ids).size).to.equal(4_000);
    expect([...promisedDocuments(3_000, 10)]).to.deep.equal(documents.slice(3_000, 3_010));
  });

  it('measure acknowledgements and what is buffered, to the document', async () => {
    await measure(promiseAccept);
    await measure(promiseBuffered);
  }).timeout(120_000);
});
