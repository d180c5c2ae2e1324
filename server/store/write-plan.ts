/**
 * What to do with each document of a write, given what is held already. Pure; both stores decide by it.
 * Telemetry is never rewritten: the first content under an id stays.
 */
import type { HeldNumber, IncomingDocument, WriteOutcome } from './contract.js';

/** What a store holds under an id. */
export interface HeldDocument extends HeldNumber {
  rev: string;
  deleted: boolean;
}

export interface WritePlan {
  /** Documents to store; their ids are not held. */
  toWrite: IncomingDocument[];
  /** One outcome per document, once `toWrite` is stored; `refused` names those the database itself refused, by id. */
  outcomes(refused: ReadonlyMap<string, string>): WriteOutcome[];
}

/** Plans a write of `documents` where `held` has an entry for every id the store knows. */
export function planWrite(documents: readonly IncomingDocument[], held: ReadonlyMap<string, HeldDocument>): WritePlan {
  const fresh = new Map<string, IncomingDocument>();
  for (const document of documents) {
    if (!held.has(document.id) && !fresh.has(document.id)) fresh.set(document.id, document);
  }
  const outcomeOf = (document: IncomingDocument, refused: ReadonlyMap<string, string>): WriteOutcome => {
    const reason = refused.get(document.id);
    if (reason !== undefined) return { ok: false, error: 'forbidden', reason };
    const kept = held.get(document.id) ?? fresh.get(document.id);
    return kept ? compareWithKept(document, kept) : { ok: true };
  };
  return {
    toWrite: [...fresh.values()],
    outcomes: (refused) => documents.map((document) => outcomeOf(document, refused)),
  };
}

function compareWithKept(document: IncomingDocument, kept: HeldDocument | IncomingDocument): WriteOutcome {
  if ('deleted' in kept && kept.deleted) {
    return { ok: false, error: 'forbidden', reason: 'was deleted at the centre by an operator' };
  }
  if (kept.rev !== document.rev) return { ok: false, error: 'forbidden', reason: 'already held with other content' };
  const sameNumber = kept.node === document.node && kept.seq === document.seq;
  return sameNumber ? { ok: true } : { ok: true, held: { node: kept.node, seq: kept.seq } };
}
