/** What the ingest queue must do, told naively: a list of stored documents and plain loops. */
import { OWNED_NAMES, type PostedDocument, type TelemetryDocument, telemetryId } from '../../../shared/documents.js';

export interface Posting {
  documents: PostedDocument[];
  partial: boolean;
}

export interface Expected {
  accepted: number;
  duplicates: number;
  /** Places of the documents refused; any refuse the whole posting unless it is partial. */
  refused: number[];
}

export class IngestModel {
  /** Content of each stored document by id. */
  readonly stored = new Map<string, string>();

  take({ documents, partial }: Posting): Expected {
    const added = new Map<string, string>();
    const expected: Expected = { accepted: 0, duplicates: 0, refused: [] };
    for (const [index, { type, fields }] of documents.entries()) {
      const id = telemetryId('kano', type, fields);
      const before = this.stored.get(id) ?? added.get(id);
      if (before === undefined) {
        added.set(id, contentOf(fields));
        expected.accepted++;
      } else if (before === contentOf(fields)) expected.duplicates++;
      else expected.refused.push(index);
    }
    if (expected.refused.length > 0 && !partial) return { accepted: 0, duplicates: 0, refused: expected.refused };
    for (const [id, content] of added) this.stored.set(id, content);
    return expected;
  }
}

/** What the sender gave, as a text that does not depend on the order of its fields. */
export function contentOf(document: Record<string, unknown> | TelemetryDocument): string {
  const names = Object.keys(document).filter((name) => !OWNED_NAMES.has(name) && !name.startsWith('_'));
  return JSON.stringify(names.sort().map((name) => [name, document[name]]));
}
