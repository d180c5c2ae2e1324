/** The places for values in a text of a dictionary, sorted; throws where one chooses a word by a value that is not said. */
export function placesOf(text: string): string[] {
  const places = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).sort();
  for (const [whole, name = ''] of text.matchAll(/\{(\w+):[^|}]+\|[^}]+\}/g)) {
    if (!places.includes(name)) throw new Error(`${whole} without {${name}}`);
  }
  const left = text.replace(/\{\w+(:[^|}]+\|[^}]+)?\}/g, '');
  if (/[{}|]/.test(left)) throw new Error(`a place is not whole in: ${text}`);
  return places;
}
