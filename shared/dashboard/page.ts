/** What every part of a page works with: its language, and its program's time. */
import { Formats } from './formats.js';
import { NoAnswer } from './no-answer.js';
import { type Dictionaries, Words } from './words.js';

export class Page<Key extends string> {
  readonly words: Words<Key>;
  readonly formats: Formats;
  /** The program's clock less that of this machine. */
  #aheadMs = 0;

  constructor(dictionaries: Dictionaries<Key>, language: string, preferred: readonly string[]) {
    this.words = new Words(dictionaries, language);
    // The region's own way of writing numbers where it goes with the language of the words.
    this.formats = new Formats(preferred.find((one) => one.split('-')[0] === language) ?? language);
  }

  /** Milliseconds since 1970 by the program's clock: ages must not depend on this machine's. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  setTime(nowMs: number): void {
    if (Number.isFinite(nowMs)) this.#aheadMs = nowMs - Date.now();
  }

  /** A time, or a word for none. */
  time(at: string | undefined, otherwise: string): string {
    return at === undefined ? otherwise : this.formats.time(Date.parse(at), this.now());
  }
}

/** What can be said of a failure, with the program's own sentence. */
export function failureOf({ words }: Page<'error.request' | 'error.noAnswer'>, error: unknown): string {
  if (error instanceof NoAnswer) return words.say('error.noAnswer');
  return words.say('error.request', { message: error instanceof Error ? error.message : String(error) });
}
