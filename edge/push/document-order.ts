/** The order in which documents compress best: by id. */
import type { TelemetryDocument } from '../../shared/documents.js';

export function inSendingOrder(documents: readonly TelemetryDocument[]): TelemetryDocument[] {
  return [...documents].sort((a, b) => (a._id < b._id ? -1 : 1));
}
