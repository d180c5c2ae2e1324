/** Values to pixels, linear or logarithmic, with ticks at round numbers. */

export interface Scale {
  /** Values at which a line of the grid and a number stand. */
  ticks: readonly number[];
  /** The pixel of a value; on a logarithmic scale of one above zero. */
  at(value: number): number;
}

export type ScaleKind = 'linear' | 'log';

const WANTED_TICKS = 6;

/** A scale from pixel `from` to pixel `to` that has room for all values, which must be finite, and above 0 for `log`. */
export function scaleOf(kind: ScaleKind, values: readonly number[], from: number, to: number): Scale {
  const bad = values.find((value) => !Number.isFinite(value) || (kind === 'log' && value <= 0));
  if (bad !== undefined) throw new Error(`${bad} has no place on a ${kind} scale`);
  const [least, most] = values.length === 0 ? [1, 10] : [Math.min(...values), Math.max(...values)];
  return kind === 'linear' ? linearScale(least, most, from, to) : logScale(least, most, from, to);
}

/** `12,000`, `1.5`, `0.02`: a tick as people read it. */
export function tickText(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 6 });
}

function linearScale(least: number, most: number, from: number, to: number): Scale {
  const step = roundStep((most - least || Math.abs(most) || 1) / WANTED_TICKS);
  const [first, last] = [Math.floor(least / step), Math.max(Math.ceil(most / step), Math.floor(least / step) + 1)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => rounded((first + i) * step));
  const at = (value: number) => from + ((value / step - first) / (last - first)) * (to - from);
  return { ticks, at };
}

/** Whole decades where there are enough of them, else 1, 2 and 5 as well. */
function logScale(least: number, most: number, from: number, to: number): Scale {
  const [first, decades] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most)) - Math.floor(Math.log10(least))];
  const factors = decades > 2 ? [1] : [1, 2, 5];
  const all = Array.from({ length: Math.max(decades, 1) + 1 }, (_, i) => 10 ** (first + i)).flatMap((decade) =>
    factors.map((factor) => rounded(factor * decade)),
  );
  const low = all.findLast((tick) => tick <= least) ?? least;
  const high = all.find((tick) => tick >= most && tick > low) ?? most;
  const ticks = all.filter((tick) => tick >= low && tick <= high);
  const at = (value: number) => from + (Math.log(value / low) / Math.log(high / low)) * (to - from);
  return { ticks, at };
}

/** The next of 1, 2 and 5 times a power of ten. */
function roundStep(atLeast: number): number {
  const decade = 10 ** Math.floor(Math.log10(atLeast));
  return decade * ([1, 2, 5, 10].find((factor) => factor * decade >= atLeast * 0.999) ?? 10);
}

/** Without the last digits of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
