/** A request refused as a whole for what is in it is halved until the document it is about stands alone. */
import type { TelemetryDocument } from '../../shared/documents.js';
import { LinkError } from '../link/link-error.js';
import type { Outcome, PreparedDocuments } from './centre.js';
import type { PushContext } from './push-context.js';

/**
 * One outcome for each document, in order. `prepared` are the same documents made ready before, where they were. Throws
 * LinkError, with nothing known of any document, for everything but 413 and an explained 400.
 */
export async function sendBisecting(
  documents: readonly TelemetryDocument[],
  context: Pick<PushContext, 'centre' | 'identity' | 'signal'>,
  prepared?: PreparedDocuments,
): Promise<Outcome[]> {
  const { centre, identity, signal } = context;
  try {
    return await centre.send(prepared ?? (await centre.prepare(documents)), identity.kind, signal);
  } catch (error) {
    if (!(error instanceof LinkError) || (error.status !== 413 && error.status !== 400)) throw error;
    if (documents.length === 1) {
      // A 400 from a proxy on the way is not the centre's word about this document.
      if (error.status === 400 && !error.explained) throw error;
      return [{ result: 'refused', reason: error.message }];
    }
    const half = Math.ceil(documents.length / 2);
    const first = await sendBisecting(documents.slice(0, half), context);
    return [...first, ...(await sendBisecting(documents.slice(half), context))];
  }
}
