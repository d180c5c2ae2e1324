/** Numbers a document and puts it into the form it is stored in, without building it as an object first. */
import type { TelemetryType } from '../../shared/documents.js';
import type { EncodedDocument } from '../../shared/pouchdb-layout.js';

/** A telemetry document but for what the node adds. */
export interface UnnumberedDocument {
  _id: string;
  _rev: string;
  type: TelemetryType;
  /** Everything the sender gave, and the time; at least one field. */
  fields: Readonly<Record<string, unknown>>;
}

/** What the node adds to each document beside its name and number. */
export interface Stamp {
  boot: number;
  clock?: 'unsure';
}

/** Documents in the order given, numbered upwards from `firstSeq`. */
export function encodeDocuments(
  documents: readonly UnnumberedDocument[],
  { village, node, firstSeq }: { village: string; node: string; firstSeq: number },
  { boot, clock }: Stamp,
): EncodedDocument[] {
  const place = `"village":"${village}","node":"${node}"`;
  const stamp = `"boot":${boot}${clock ? `,"clock":"${clock}"` : ''}`;
  return documents.map(({ _id: id, _rev: revision, type, fields }, index) => {
    const sent = JSON.stringify(fields).slice(0, -1);
    const added = `"type":"${type}",${place},"seq":${firstSeq + index},${stamp}`;
    return { id, revision, json: `${sent},${added},"_id":${JSON.stringify(id)},"_rev":"${revision}"}` };
  });
}
