/**
 * The languages of the pages; one dictionary a language, with the same keys. `{name}` in a text is a place for a value,
 * `{name:one|many}` a place for one of two words by the number of that name.
 */

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

export type Dictionary<Key extends string = string> = Readonly<Record<Key, string>>;
export type Dictionaries<Key extends string = string> = Readonly<Record<Language, Dictionary<Key>>>;

/** English where there is no dictionary of that language. */
export function dictionaryOf<Key extends string>(all: Dictionaries<Key>, language: string): Dictionary<Key> {
  return all[LANGUAGES.find((one) => one === language) ?? 'en'];
}

/** French puts spaces before some signs and within quotation marks, at which no line may end. */
export function unbroken<Key extends string>(french: Dictionary<Key>): Dictionary<Key> {
  const entries = Object.entries<string>(french).map(([key, text]) => [
    key,
    text.replace(/ (?=[;:?!»])|(?<=«) /g, '\u00a0'),
  ]);
  return Object.fromEntries(entries) as Dictionary<Key>;
}

const PLACE = /\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g;

export class Words<Key extends string> {
  readonly #dictionary: Dictionary;
  readonly #plural: Intl.PluralRules;

  constructor(dictionaries: Dictionaries<Key>, language: string) {
    this.#dictionary = dictionaryOf(dictionaries, language);
    this.#plural = new Intl.PluralRules(language);
  }

  /** The text with its places filled in. */
  say(key: Key, values: Readonly<Record<string, string>> = {}): string {
    return this.find(key, values) ?? key;
  }

  /** Undefined where there is no such key: what programs may say grows faster than dictionaries do. */
  find(key: string, values: Readonly<Record<string, string>> = {}): string | undefined {
    if (!Object.hasOwn(this.#dictionary, key)) return undefined;
    return this.#dictionary[key]?.replace(PLACE, (whole, name: string, one?: string, many?: string) => {
      const value = values[name];
      if (value === undefined || one === undefined) return value ?? whole;
      return (this.#isOne(value) ? one : many) ?? whole;
    });
  }

  /** Of a whole number as people write it. */
  #isOne(written: string): boolean {
    return this.#plural.select(Number(written.replace(/\D/g, ''))) === 'one';
  }
}
