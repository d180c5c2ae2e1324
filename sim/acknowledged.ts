/**
 * What a node has acknowledged: the id and the exact content of every document, to be compared with what the centre
 * holds.
 */
import { type PostedType, telemetryId } from '../shared/documents.js';
import type { PostedFields } from './meters.js';

export class AcknowledgedStore {
  readonly village: string;
  readonly #contents: Record<PostedType, Map<string, string>> = { reading: new Map(), prediction: new Map() };

  constructor(village: string) {
    this.village = village;
  }

  add(type: PostedType, documents: readonly PostedFields[]): void {
    for (const fields of documents) {
      this.#contents[type].set(telemetryId(this.village, type, fields), canonicalContent(fields));
    }
  }

  /** Canonical content by id, as `canonicalContent` gives it. */
  contents(type: PostedType): ReadonlyMap<string, string> {
    return this.#contents[type];
  }

  get count(): number {
    return this.#contents.reading.size + this.#contents.prediction.size;
  }
}

/** The same text for the same fields, whatever their order. */
export function canonicalContent(fields: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(fields).sort();
  return JSON.stringify(names.map((name) => [name, fields[name]]));
}
