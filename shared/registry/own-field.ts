/** What a record itself has under a name: `constructor` and the like are in none unless somebody put them there. */
export function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
