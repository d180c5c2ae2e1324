/**
 * Which numbers an embedded store holds, kept in memory: made from the stored bodies at the first question after a start,
 * then brought up to date with what was stored since the last one. Other work has its turn after every few hundred
 * documents.
 */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { Database } from '../../shared/pouchdb.js';
import { sleep } from '../../shared/time.js';
import type { NodeNumbers, NumberIndex, NumberSpan } from './contract.js';
import { readCounters } from './database-counters.js';
import { openedAnew } from './embedded-receipts.js';
import { HeldNumbers } from './held-numbers.js';
import { eachBodyUnder } from './number-places.js';
import { bodiesOf, bodyName } from './number-stretches.js';
import { eachEntry, readValues } from './raw-entries.js';
import { storedBody } from './stored-body.js';

/** Documents taken in one step. */
const STEP = 5_000;
/** Some seconds for a million documents; a question waits so long for the first reading. */
const CATCH_UP_WAIT_MS = 15_000;
const RETRY_AFTER_S = 10;
const DELETION = '"_deleted":true';

/** What was taken of one opening of the database; after a failure it is opened anew, and may have lost something. */
interface Taken {
  database: Database;
  /** Every body up to this sequence. */
  sequence: number;
  nodes: Map<string, Map<string, HeldNumbers>>;
}

export class EmbeddedNumbers implements NumberIndex {
  readonly #database: MendingDatabase;
  #taken: Taken | undefined;
  #following: Promise<void> | undefined;
  #isClosing = false;

  constructor(database: MendingDatabase) {
    this.#database = database;
  }

  async nodes(village: string): Promise<NodeNumbers[]> {
    const nodes = (await this.#upToDate()).nodes.get(village) ?? new Map<string, HeldNumbers>();
    return [...nodes]
      .map(([node, numbers]) => ({ node, held: numbers.count, highest: numbers.highest }))
      .filter(({ held }) => held > 0)
      .sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  async counts(village: string, node: string, spans: readonly NumberSpan[]): Promise<number[]> {
    const numbers = (await this.#upToDate()).nodes.get(village)?.get(node);
    return spans.map((span) => numbers?.countIn(span) ?? 0);
  }

  async besideGaps(village: string, node: string, seqs: readonly number[]): Promise<(TelemetryDocument | undefined)[]> {
    const taken = await this.#upToDate();
    const numbers = taken.nodes.get(village)?.get(node);
    const places = seqs.flatMap((seq) => numbers?.sequenceAt(seq) ?? []);
    const found = new Map<number, TelemetryDocument>();
    await this.#database.read((database) =>
      eachBodyUnder(database, places, (_name, text) => {
        const body = storedBody(text);
        if (body?.node === node) found.set(body.seq, JSON.parse(text) as TelemetryDocument);
      }),
    );
    return seqs.map((seq) => found.get(seq));
  }

  /** Ends the step under way and begins no other. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#following?.catch(() => undefined);
  }

  /** Covers everything that was stored at the call. */
  async #upToDate(): Promise<Taken> {
    const { opened, target } = await this.#database.read(async (database) => {
      const { updateSeq } = await readCounters(database);
      return { opened: database, target: updateSeq };
    });
    const waiting = new AbortController();
    const isLate = sleep(CATCH_UP_WAIT_MS, waiting.signal).then(() => true);
    try {
      for (;;) {
        const taken = this.#taken;
        if (taken?.database === opened && taken.sequence >= target) return taken;
        if (await Promise.race([isLate, this.#follow().then(() => false)])) throw this.#behind(target);
        if (this.#taken?.database !== opened) throw openedAnew();
      }
    } finally {
      waiting.abort();
    }
  }

  #behind(target: number): AppError {
    const message = `the numbers held are not known yet: ${this.#taken?.sequence ?? 0} of ${target} documents were read`;
    return new AppError('unavailable', message, { retryAfterS: RETRY_AFTER_S });
  }

  /** One step, which everybody who waits shares. */
  #follow(): Promise<void> {
    if (this.#isClosing) return Promise.reject(new AppError('busy', 'the store is being closed', { retryAfterS: 1 }));
    this.#following ??= this.#database
      .read((database) => this.#step(database))
      .finally(() => {
        this.#following = undefined;
      });
    return this.#following;
  }

  async #step(database: Database): Promise<void> {
    const { updateSeq: newest } = await readCounters(database);
    if (this.#taken?.database !== database) this.#taken = { database, sequence: 0, nodes: new Map() };
    const taken = this.#taken;
    const deletions: string[] = [];
    let count = 0;
    let last = taken.sequence;
    const range = { store: 'by-sequence', after: bodyName(taken.sequence), to: bodyName(newest), limit: STEP };
    await eachEntry(database, range, (name, text) => {
      count++;
      last = Number(name);
      const body = storedBody(text);
      if (body) numbersOf(taken, body.id, body.node).add(body.seq, last);
      else if (text.includes(DELETION)) deletions.push(text);
    });
    for (const text of deletions) await forget(database, taken, text);
    // Sequences can be missing at the end, after a repair.
    taken.sequence = count < STEP ? newest : last;
  }
}

function numbersOf({ nodes }: Taken, id: string, node: string): HeldNumbers {
  const village = id.slice(0, id.indexOf(':'));
  const ofVillage = nodes.get(village) ?? new Map<string, HeldNumbers>();
  nodes.set(village, ofVillage);
  const numbers = ofVillage.get(node) ?? new HeldNumbers();
  ofVillage.set(node, numbers);
  return numbers;
}

/** An operator has deleted a document: the bodies it had are held no longer. */
async function forget(database: Database, taken: Taken, tombstone: string): Promise<void> {
  const id = idOf(tombstone);
  const [record] = await readValues(database, 'document-store', [id]);
  const { current, others } = bodiesOf(record);
  if (current !== undefined) return;
  await eachBodyUnder(database, others, (_name, text) => {
    const body = storedBody(text);
    if (body) numbersOf(taken, body.id, body.node).remove(body.seq);
  });
}

function idOf(text: string): string {
  try {
    return String((JSON.parse(text) as { _id?: unknown })._id ?? '');
  } catch {
    return '';
  }
}
