/** JSON in which the same value is always the same text: names sorted; undefined has a text of its own. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(tagged(value)) ?? 'undefined';
}

export function sameValue(one: unknown, other: unknown): boolean {
  return one === other || canonicalJson(one) === canonicalJson(other);
}

/** Objects as lists of pairs: as objects they would put names that look like numbers first, whatever the order. */
function tagged(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(tagged)];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return ['object', ...entries.map(([name, part]) => [name, tagged(part)])];
}
