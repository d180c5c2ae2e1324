/**
 * Follows the centre's feed of arrivals and holds it against what the node has acknowledged, day by day.
 *
 * Invariants: every document is looked at once, as it arrives; an id never comes twice, a number is never given to two
 * documents; what was acknowledged and has not arrived is kept by id until it does. Memory grows by an id and a number a
 * document, not by contents.
 */

import type { TelemetryDocument } from '../../shared/documents.js';
import { type PostedType, telemetryId } from '../../shared/documents.js';
import { checksumOf, EMPTY_RECEIPT, joinReceipts, type Receipt } from '../../shared/receipt.js';
import { canonicalContent } from '../../sim/acknowledged.js';
import type { PostedFields } from '../../sim/meters.js';

type Range = [from: number, to: number];
type ToldKind = 'void' | 'lost' | 'quarantined';
const TOLD_KINDS: readonly ToldKind[] = ['void', 'lost', 'quarantined'];

/** What the node adds to what was sent. */
const ADDED = new Set(['_id', '_rev', 'type', 'village', 'node', 'seq', 'boot', 'clock']);
const MAX_PROBLEMS = 10;

export interface NodeCount {
  node: string;
  /** Documents held of it, and the highest number among them. */
  held: number;
  highest: number;
  /** What a receipt for the numbers 1 to `highest` must say. */
  receipt: Receipt;
  /** Numbers up to `highest` that are neither held nor told of. */
  unexplained: number[];
  /** Numbers told of as void, lost or quarantined. */
  told: Record<ToldKind, number>;
}

interface NodeHeld {
  idByNumber: Map<number, string>;
  highest: number;
  receipt: Receipt;
  /** Numbers told of, ever: none of them can arrive later without being noticed as held. */
  told: Record<ToldKind, Set<number>>;
}

export class HeldDocuments {
  readonly #village: string;
  readonly #ids = new Set<string>();
  readonly #nodes = new Map<string, NodeHeld>();
  /** Acknowledged and not yet seen: content by id. */
  readonly #awaited = new Map<string, string>();
  /** Seen and not yet acknowledged: the centre can be quicker than the answer of the node. */
  readonly #early = new Map<string, string>();
  readonly #problems: string[] = [];
  #acknowledged = 0;

  constructor(village: string) {
    this.#village = village;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Documents at the centre, events of the node included. */
  get held(): number {
    return this.#ids.size;
  }

  /** Different documents acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Ids acknowledged and not seen at the centre. */
  get awaited(): string[] {
    return [...this.#awaited.keys()];
  }

  /** Ids at the centre that nobody was told are stored. */
  get unacknowledged(): string[] {
    return [...this.#early.keys()];
  }

  acknowledge(type: PostedType, documents: readonly PostedFields[]): void {
    for (const fields of documents) {
      const id = telemetryId(this.#village, type, fields);
      if (this.#awaited.has(id)) continue;
      const early = this.#early.get(id);
      if (early === undefined && this.#ids.has(id)) continue;
      this.#acknowledged++;
      const content = canonicalContent(fields);
      if (early === undefined) this.#awaited.set(id, content);
      else this.#match(id, content, early);
      this.#early.delete(id);
    }
  }

  /** A document of the feed, in the order of arrival. */
  arrive(document: TelemetryDocument): void {
    const { _id: id, _rev: rev, type, node, seq } = document;
    if (this.#ids.has(id)) {
      this.#problem(`${id} came twice`);
      return;
    }
    this.#ids.add(id);
    const held = this.#node(node);
    const other = held.idByNumber.get(seq);
    if (other !== undefined) this.#problem(`${node} gave number ${seq} to ${other} and to ${id}`);
    held.idByNumber.set(seq, id);
    held.highest = Math.max(held.highest, seq);
    held.receipt = joinReceipts(held.receipt, { count: 1, checksum: checksumOf(rev) });
    if (type === 'event') this.#noteTold(document);
    else this.#hold(document);
  }

  #hold(document: TelemetryDocument): void {
    const { _id: id } = document;
    const content = contentOf(document);
    const expected = this.#awaited.get(id);
    if (expected === undefined) this.#early.set(id, content);
    else this.#match(id, expected, content);
    this.#awaited.delete(id);
  }

  counts(): NodeCount[] {
    return [...this.#nodes].map(([node, held]) => ({
      node,
      held: held.idByNumber.size,
      highest: held.highest,
      receipt: held.receipt,
      unexplained: unexplainedIn(held),
      told: { void: held.told.void.size, lost: held.told.lost.size, quarantined: held.told.quarantined.size },
    }));
  }

  #match(id: string, acknowledged: string, held: string): void {
    if (acknowledged !== held) this.#problem(`${id} differs: acknowledged ${acknowledged}, at the centre ${held}`);
  }

  #node(name: string): NodeHeld {
    const known = this.#nodes.get(name);
    if (known) return known;
    const told = { void: new Set<number>(), lost: new Set<number>(), quarantined: new Set<number>() };
    const held = { idByNumber: new Map(), highest: 0, receipt: EMPTY_RECEIPT, told };
    this.#nodes.set(name, held);
    return held;
  }

  #noteTold(document: TelemetryDocument): void {
    if (document.event !== 'numbers') return;
    const { told } = this.#node(String(document.of));
    for (const kind of TOLD_KINDS) {
      for (const [from, to] of rangesOf(document[kind])) for (let seq = from; seq <= to; seq++) told[kind].add(seq);
    }
  }

  #problem(text: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(text);
  }
}

function contentOf(document: TelemetryDocument): string {
  return canonicalContent(Object.fromEntries(Object.entries(document).filter(([name]) => !ADDED.has(name))));
}

function rangesOf(value: unknown): Range[] {
  return Array.isArray(value) ? (value as Range[]) : [];
}

function unexplainedIn({ idByNumber, highest, told }: NodeHeld): number[] {
  const missing: number[] = [];
  for (let seq = 1; seq <= highest; seq++) {
    if (!idByNumber.has(seq) && !TOLD_KINDS.some((kind) => told[kind].has(seq))) missing.push(seq);
  }
  return missing;
}
