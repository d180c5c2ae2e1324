/**
 * The numbers held of one node, as the runs of numbers that follow each other without a gap: a few, however many
 * documents there are. Pure. Of a run is known where its first and its last
 * document are kept.
 */
import type { NumberSpan } from './contract.js';

interface Run {
  from: number;
  to: number;
  /** Of the documents with the numbers `from` and `to`; 0 where that is not known. */
  sequence: number;
  lastSequence: number;
}

export class HeldNumbers {
  /** In order; between two runs there is at least one number that is not held. */
  readonly #runs: Run[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get highest(): number {
    return this.#runs.at(-1)?.to ?? 0;
  }

  /** A number that is held already changes nothing. */
  add(number: number, sequence: number): void {
    const index = this.#indexBehind(number);
    const before = this.#runs[index - 1];
    const after = this.#runs[index];
    if (before && number <= before.to) return;
    this.#count++;
    const joinsBefore = before?.to === number - 1;
    const joinsAfter = after?.from === number + 1;
    if (before && joinsBefore) {
      before.to = joinsAfter ? after.to : number;
      before.lastSequence = joinsAfter ? after.lastSequence : sequence;
      if (joinsAfter) this.#runs.splice(index, 1);
    } else if (after && joinsAfter) {
      after.from = number;
      after.sequence = sequence;
    } else {
      this.#runs.splice(index, 0, { from: number, to: number, sequence, lastSequence: sequence });
    }
  }

  remove(number: number): void {
    const index = this.#indexBehind(number) - 1;
    const run = this.#runs[index];
    if (!run || number > run.to) return;
    this.#count--;
    const rest: Run[] = [];
    if (run.from < number) rest.push({ ...run, to: number - 1, lastSequence: 0 });
    if (number < run.to) rest.push({ ...run, from: number + 1, sequence: 0 });
    this.#runs.splice(index, 1, ...rest);
  }

  countIn([from, to]: NumberSpan): number {
    let count = 0;
    for (let index = Math.max(0, this.#indexBehind(from) - 1); index < this.#runs.length; index++) {
      const run = this.#runs[index];
      if (!run || run.from > to) break;
      count += Math.max(0, Math.min(run.to, to) - Math.max(run.from, from) + 1);
    }
    return count;
  }

  /** Where the document with this number is kept, provided that a run begins or ends with it. */
  sequenceAt(number: number): number | undefined {
    const run = this.#runs[this.#indexBehind(number) - 1];
    if (run?.from === number && run.sequence > 0) return run.sequence;
    return run?.to === number && run.lastSequence > 0 ? run.lastSequence : undefined;
  }

  /** Index of the first run that begins behind the number. */
  #indexBehind(number: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.from ?? Number.POSITIVE_INFINITY) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
