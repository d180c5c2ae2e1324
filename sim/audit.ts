/**
 * Compares what a node acknowledged with what the centre holds: each document exactly once, with the same content, none
 * missing, none extra, and no number given twice by a node.
 *
 * The centre is read the way an analyst reads it, and nothing but its answer counts as proof.
 */
import type { PostedType } from '../shared/documents.js';
import type { ProgramClient } from '../shared/http/client.js';
import { type AcknowledgedStore, canonicalContent } from './acknowledged.js';

export interface AuditReport {
  village: string;
  acknowledged: number;
  /** Documents the centre lists for the village. */
  atCentre: number;
  /** Of the acknowledged, those the centre holds exactly once with the same content. */
  confirmed: number;
  problemCount: number;
  /** The first problems in words. */
  problems: string[];
}

const MAX_PROBLEMS_SHOWN = 10;
const LISTS = { reading: 'readings', prediction: 'predictions' } as const;
/** What node and centre add to what the device sent. */
const ADDED = new Set(['_id', '_rev', 'type', 'village', 'node', 'seq', 'boot', 'clock']);

/** Reads the village's telemetry from the centre and compares. Throws when the centre cannot be read. */
export async function auditVillage(analyst: ProgramClient, expected: AcknowledgedStore): Promise<AuditReport> {
  const audit = new Audit(expected);
  for (const type of ['reading', 'prediction'] as const) {
    const path = `/v1/villages/${expected.village}/${LISTS[type]}?format=ndjson`;
    for await (const document of analyst.lines<unknown>(path)) audit.see(type, document);
  }
  return audit.report();
}

class Audit {
  readonly #expected: AcknowledgedStore;
  /** How often each id was listed. */
  readonly #seen = new Map<string, number>();
  /** The id each number was given to, by `node seq`. */
  readonly #numbers = new Map<string, string>();
  readonly #problems: string[] = [];
  #problemCount = 0;
  #atCentre = 0;
  #confirmed = 0;

  constructor(expected: AcknowledgedStore) {
    this.#expected = expected;
  }

  see(type: PostedType, document: unknown): void {
    this.#atCentre++;
    if (!isDocument(document)) {
      this.#problem(`the centre lists a ${type} that is not a telemetry document: ${JSON.stringify(document)}`);
      return;
    }
    const { _id: id } = document;
    const times = (this.#seen.get(id) ?? 0) + 1;
    this.#seen.set(id, times);
    if (times > 1) this.#problem(`${id} is listed ${times} times`);
    else this.#compare(type, document);
    this.#checkNumber(document);
  }

  report(): AuditReport {
    for (const type of ['reading', 'prediction'] as const) {
      for (const id of this.#expected.contents(type).keys()) {
        if (!this.#seen.has(id)) this.#problem(`${id} was acknowledged and is not at the centre`);
      }
    }
    return {
      village: this.#expected.village,
      acknowledged: this.#expected.count,
      atCentre: this.#atCentre,
      confirmed: this.#confirmed,
      problemCount: this.#problemCount,
      problems: this.#problems,
    };
  }

  #compare(type: PostedType, document: ListedDocument): void {
    const { _id: id } = document;
    const expected = this.#expected.contents(type).get(id);
    const content = canonicalContent(Object.fromEntries(Object.entries(document).filter(([name]) => !ADDED.has(name))));
    if (expected === undefined) {
      this.#problem(`${id} is at the centre and was never acknowledged as a ${type}`);
    } else if (document.type !== type || document.village !== this.#expected.village) {
      this.#problem(`${id} says it is a ${document.type} of ${document.village}`);
    } else if (content !== expected) {
      this.#problem(`${id} differs: acknowledged ${expected}, at the centre ${content}`);
    } else {
      this.#confirmed++;
    }
  }

  #checkNumber({ _id: id, node, seq }: ListedDocument): void {
    const number = `${node} ${seq}`;
    const other = this.#numbers.get(number);
    if (other === undefined) this.#numbers.set(number, id);
    else if (other !== id) this.#problem(`node ${node} gave number ${seq} to ${other} and to ${id}`);
  }

  #problem(text: string): void {
    this.#problemCount++;
    if (this.#problems.length < MAX_PROBLEMS_SHOWN) this.#problems.push(text);
  }
}

interface ListedDocument {
  _id: string;
  node: string;
  seq: number;
  [field: string]: unknown;
}

function isDocument(value: unknown): value is ListedDocument {
  if (typeof value !== 'object' || value === null) return false;
  const { _id, node, seq } = value as Record<string, unknown>;
  return typeof _id === 'string' && typeof node === 'string' && Number.isSafeInteger(seq) && Number(seq) >= 1;
}
