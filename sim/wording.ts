/** Numbers in words for people. */

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `15 minutes`, `90 seconds`, `2 hours` for a number of seconds. */
export function duration(seconds: number): string {
  if (seconds % 3600 === 0) return plural(seconds / 3600, 'hour');
  if (seconds % 60 === 0) return plural(seconds / 60, 'minute');
  return plural(seconds, 'second');
}

function plural(value: number, unit: string): string {
  return `${count(value)} ${unit}${value === 1 ? '' : 's'}`;
}
