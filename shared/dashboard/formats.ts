/** Numbers, sizes and times as people of a language write them; times are those of the phone's own zone. */

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

export class Formats {
  readonly #number: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #time: Intl.DateTimeFormat;
  readonly #dayAndTime: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #ago: Intl.RelativeTimeFormat;
  readonly #shortAgo: Intl.RelativeTimeFormat;
  readonly #language: string;

  constructor(language: string) {
    this.#language = language;
    this.#number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
    this.#percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
    this.#time = new Intl.DateTimeFormat(language, { timeStyle: 'short' });
    this.#dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
    this.#day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' });
    this.#ago = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
    this.#shortAgo = new Intl.RelativeTimeFormat(language, { style: 'short' });
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /** With so many digits behind the point. */
  fixed(value: number, digits: number): string {
    return value.toLocaleString(this.#language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  /** `value` of 100. */
  percent(value: number): string {
    return this.#percent.format(value / 100);
  }

  bytes(value: number): string {
    const [unit, size] = value >= 1e9 ? (['gigabyte', 1e9] as const) : (['megabyte', 1e6] as const);
    const format = new Intl.NumberFormat(this.#language, { style: 'unit', unit, maximumFractionDigits: 1 });
    return format.format(value / size);
  }

  /** A day by its midnight in UTC, without the year. */
  day(ms: number): string {
    return this.#day.format(ms);
  }

  /** The same of a moment in this machine's own zone. */
  localDay(ms: number): string {
    return new Date(ms).toLocaleDateString(this.#language, { day: 'numeric', month: 'short' });
  }

  /** The time alone for today, else with its day. */
  time(ms: number, nowMs: number): string {
    const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString();
    return (isToday ? this.#time : this.#dayAndTime).format(ms);
  }

  /** Such as "5 minutes ago". */
  ago(ms: number, nowMs: number): string {
    return since(this.#ago, ms, nowMs);
  }

  /** The same, shorter. */
  shortAgo(ms: number, nowMs: number): string {
    return since(this.#shortAgo, ms, nowMs);
  }

  /** Such as "5 minutes". */
  duration(seconds: number): string {
    const [unit, size] = unitOf(seconds);
    const format = new Intl.NumberFormat(this.#language, { style: 'unit', unit, unitDisplay: 'long' });
    return format.format(Math.round(seconds / size));
  }

  /** A measured value, whatever it is. */
  value(value: unknown): string {
    if (typeof value === 'number') return this.number(value);
    return typeof value === 'string' ? value : JSON.stringify(value ?? null);
  }
}

function since(format: Intl.RelativeTimeFormat, ms: number, nowMs: number): string {
  const seconds = Math.round((nowMs - ms) / 1000);
  const [unit, size] = unitOf(Math.abs(seconds));
  return format.format(-Math.round(seconds / size), unit);
}

function unitOf(seconds: number): (typeof UNITS)[number] {
  // Ninety seconds are better said as such than as "two minutes".
  return UNITS.find(([, size]) => seconds >= 1.5 * size) ?? ['second', 1];
}
