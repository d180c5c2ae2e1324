/**
 * Sets of numbers kept as sorted, disjoint ranges: how void, lost and quarantined numbers are remembered in little
 * space.
 */

/** Both ends inclusive. */
export type NumberRange = [from: number, to: number];

/** The ranges with one more number; the same array when it was already in. */
export function withNumber(ranges: readonly NumberRange[], value: number): readonly NumberRange[] {
  return withRange(ranges, [value, value]);
}

export function withRange(ranges: readonly NumberRange[], added: NumberRange): readonly NumberRange[] {
  if (ranges.some(([from, to]) => from <= added[0] && added[1] <= to)) return ranges;
  const sorted = [...ranges, added].sort((a, b) => a[0] - b[0]);
  const merged: NumberRange[] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** The ranges without one number. */
export function withoutNumber(ranges: readonly NumberRange[], value: number): readonly NumberRange[] {
  return ranges.flatMap(([from, to]): NumberRange[] => {
    if (value < from || value > to) return [[from, to]];
    const below: NumberRange[] = value > from ? [[from, value - 1]] : [];
    const above: NumberRange[] = value < to ? [[value + 1, to]] : [];
    return [...below, ...above];
  });
}

/** The ranges without all numbers of others. */
export function withoutRanges(ranges: readonly NumberRange[], others: readonly NumberRange[]): NumberRange[] {
  let left: NumberRange[] = ranges.map(([from, to]) => [from, to]);
  for (const [low, high] of others) {
    left = left.flatMap(([from, to]): NumberRange[] => {
      if (high < from || low > to) return [[from, to]];
      const below: NumberRange[] = from < low ? [[from, low - 1]] : [];
      const above: NumberRange[] = to > high ? [[high + 1, to]] : [];
      return [...below, ...above];
    });
  }
  return left;
}

export function holdsNumber(ranges: readonly NumberRange[], value: number): boolean {
  return ranges.some(([from, to]) => from <= value && value <= to);
}

/** How many numbers the ranges hold. */
export function countNumbers(ranges: readonly NumberRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}
