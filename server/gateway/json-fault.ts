/** What no store keeps as it was sent, in a JSON value of unknown make. */

export interface JsonBounds {
  maxDepth: number;
  /** Numbers too large for JSON.parse are a fault. */
  finite?: boolean;
}

/**
 * A reason, or undefined where there is none. Level by level, without recursion: the value may be nested deeper than the
 * stack is.
 */
export function jsonFault(value: object, { maxDepth, finite = false }: JsonBounds): string | undefined {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return 'the document is nested too deep';
    const entries: [string, unknown][] = level.flatMap((one) => Object.entries(one));
    for (const [name, inner] of entries) {
      if (name === '__proto__') return 'a member may not be named __proto__';
      const isBroken = !name.isWellFormed() || (typeof inner === 'string' && !inner.isWellFormed());
      if (isBroken) return 'the document has a text that is not well-formed Unicode';
      if (finite && typeof inner === 'number' && !Number.isFinite(inner)) return 'the document has a number too large';
    }
    level = entries.flatMap(([, inner]) => (typeof inner === 'object' && inner !== null ? [inner] : []));
  }
  return undefined;
}
