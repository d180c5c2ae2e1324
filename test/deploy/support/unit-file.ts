/** A systemd unit as its settings, in order; enough for the units of this project, which use no line continuations. */
import { readFileSync } from 'node:fs';

export interface UnitFile {
  /** All values of a key, in order. */
  all(key: string): string[];
  /** The last one; throws when there is none. */
  one(key: string): string;
}

export function readUnit(file: URL): UnitFile {
  const settings = assignmentsIn(readFileSync(file, 'utf8'));
  const all = (key: string): string[] => settings.filter(([name]) => name === key).map(([, value]) => value);
  return {
    all,
    one: (key) => {
      const value = all(key).at(-1);
      if (value === undefined) throw new Error(`${file.pathname} has no ${key}`);
      return value;
    },
  };
}

/** `NAME=value` line by line, without comments, sections and empty values, as in units and files of environment. */
export function assignmentsIn(text: string): [name: string, value: string][] {
  return text
    .split('\n')
    .map((line) => /^([A-Za-z_]+)=("?)(.+)\2$/.exec(line.trim()))
    .flatMap((match) => (match ? [[match[1] ?? '', match[3] ?? ''] as [string, string]] : []));
}

/** Milliseconds of a span such as `3min`, `20s` or `45min`. */
export function spanMs(text: string): number {
  const [, amount = '', unit = 's'] = /^(\d+)(ms|s|min|h)?$/.exec(text) ?? [];
  const ms = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 }[unit];
  if (amount === '' || ms === undefined) throw new Error(`${text} is no span of time`);
  return Number(amount) * ms;
}
