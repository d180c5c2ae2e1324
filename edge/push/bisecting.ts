/**
 * A request refused as a whole for what is in it is halved until the document it is about stands alone; when one after the
 * other is refused alone and none is taken, the fault is not the documents'.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { LinkError } from '../link/link-error.js';
import type { Outcome, PreparedDocuments } from './centre.js';
import type { PushContext } from './push-context.js';

/** So many documents refused alone, and none taken: the centre, or what stands before it, refuses everything. */
const MAX_ALONE = 20;

/** What became of the documents of a request, or of its halves. */
export interface Sent {
  /** One for each document, in order. */
  outcomes: Outcome[];
  /** Where the request was too large, and not for one document: so many got through together. */
  fits?: number;
}

/**
 * `prepared` are the same documents made ready before, where they were. Throws LinkError, with nothing known of any
 * document, for everything but 413 and an explained 400.
 */
export async function sendBisecting(
  documents: readonly TelemetryDocument[],
  context: Pick<PushContext, 'centre' | 'identity' | 'signal'>,
  prepared?: PreparedDocuments,
): Promise<Sent> {
  const tally: Tally = { alone: 0, taken: false };
  const outcomes = await sendPart(documents, context, tally, prepared);
  return tally.tooLarge === undefined || tally.alone > 0
    ? { outcomes }
    : { outcomes, fits: Math.ceil(tally.tooLarge / 2) };
}

interface Tally {
  /** Documents refused alone. */
  alone: number;
  taken: boolean;
  /** The fewest documents that were too many for one request. */
  tooLarge?: number;
}

async function sendPart(
  documents: readonly TelemetryDocument[],
  context: Pick<PushContext, 'centre' | 'identity' | 'signal'>,
  tally: Tally,
  prepared?: PreparedDocuments,
): Promise<Outcome[]> {
  const { centre, identity, signal } = context;
  try {
    const outcomes = await centre.send(prepared ?? (await centre.prepare(documents)), identity.kind, signal);
    if (outcomes.some(({ result }) => result !== 'refused')) tally.taken = true;
    return outcomes;
  } catch (error) {
    if (!(error instanceof LinkError) || (error.status !== 413 && error.status !== 400)) throw error;
    if (documents.length === 1) {
      // A 400 from a proxy on the way is not the centre's word about this document.
      if (error.status === 400 && !error.explained) throw error;
      if (++tally.alone >= MAX_ALONE && !tally.taken) throw refusesEverything(error);
      return [{ result: 'refused', reason: error.message }];
    }
    if (error.status === 413) tally.tooLarge = Math.min(documents.length, tally.tooLarge ?? documents.length);
    const half = Math.ceil(documents.length / 2);
    const first = await sendPart(documents.slice(0, half), context, tally);
    return [...first, ...(await sendPart(documents.slice(half), context, tally))];
  }
}

function refusesEverything(error: LinkError): LinkError {
  const { status } = error;
  return new LinkError('HTTP_ERROR', `every document is refused alone as well: ${error.message}`, {
    ...(status === undefined ? {} : { status }),
    blocks: true,
  });
}
