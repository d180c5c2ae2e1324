/** The languages of the pages; one dictionary a language, with the same keys. `{name}` in a text is a place for a value. */

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

export class Words<Key extends string> {
  readonly #dictionary: Dictionary;

  constructor(dictionary: Dictionary<Key>) {
    this.#dictionary = dictionary;
  }

  /** The text with its places filled in. */
  say(key: Key, values: Readonly<Record<string, string>> = {}): string {
    return this.find(key, values) ?? key;
  }

  /** Undefined where there is no such key: what programs may say grows faster than dictionaries do. */
  find(key: string, values: Readonly<Record<string, string>> = {}): string | undefined {
    if (!Object.hasOwn(this.#dictionary, key)) return undefined;
    return this.#dictionary[key]?.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  }
}
