/**
 * Looks up which documents are stored, across segments. Only those segments are asked within whose times a document
 * lies, or which do not know their times.
 */
import { parseTelemetryId } from '../../shared/documents.js';
import { ReaderGone } from '../../shared/range-reader.js';
import { DamagedError } from './damaged-error.js';
import type { Segment } from './segment.js';

/**
 * Revisions of those of the ids that are stored in any segment that can be read; `onDamaged` hears of each found damaged
 * now, which is passed over, as are those known to be. Rejects with whatever else a segment rejects with.
 */
export async function storedRevisions(
  segments: readonly Segment[],
  ids: readonly string[],
  onDamaged: () => void,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const places = ids.flatMap((id) => {
    const parsed = parseTelemetryId(id);
    // An event's id is made of the node, the boot and a counter: it never comes again.
    return parsed ? [{ id, type: parsed.type, time: parsed.time }] : [];
  });
  for (const segment of [...segments]) {
    if (segment.damage) continue;
    const possible = places.filter(({ type, time }) => segment.mayHold(type, time)).map(({ id }) => id);
    if (possible.length === 0) continue;
    try {
      for (const [id, revision] of await segment.revisions(possible)) found.set(id, revision);
    } catch (error) {
      if (error instanceof ReaderGone) continue;
      if (!(error instanceof DamagedError)) throw error;
      onDamaged();
    }
  }
  return found;
}
