/**
 * The ways of writing a time that are recognised without being told. What a text says is either an instant (it has an
 * offset, or counts from 1970) or a wall time in a zone yet to be applied.
 */

/** Milliseconds since 1970; `problem` completes a sentence that begins with the text. */
export type WrittenTime = { instantMs: number } | { wallMs: number } | { problem: string };

/** Reads one form of writing; undefined when the text has another. */
export type TimeForm = (text: string) => WrittenTime | undefined;

const CLOCK = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?`;
const MERIDIEM = String.raw`(?:\s*([AaPp])\.?[Mm]\.?)?`;
const OFFSET = String.raw`(?:\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?))?`;
const AFTER_DATE = String.raw`(?:(?:T|t|,?\s+)${CLOCK}${MERIDIEM}${OFFSET})?$`;

const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/])(\d{1,2})\2(\d{1,2})${AFTER_DATE}`);
const SLASHES = new RegExp(String.raw`^(\d{1,2})/(\d{1,2})/(\d{4})${AFTER_DATE}`);
const DOTS = new RegExp(String.raw`^(\d{1,2})\.(\d{1,2})\.(\d{4})${AFTER_DATE}`);
const UNIX = /^(\d{10})(?:\.(\d{1,9}))?$|^(\d{13})$/;

/** A date with an optional time of day; slashes after a one or two-digit number are month/day/year. */
export const readUsualTime: TimeForm = (text) =>
  readYearFirst(text) ?? readSlashes(text) ?? readDots(text) ?? readUnix(text);

function readYearFirst(text: string): WrittenTime | undefined {
  const match = YEAR_FIRST.exec(text);
  return match ? fromParts({ year: match[1], month: match[3], day: match[4], rest: match.slice(5) }) : undefined;
}

function readSlashes(text: string): WrittenTime | undefined {
  const match = SLASHES.exec(text);
  if (!match) return undefined;
  if (Number(match[1]) > 12) {
    return {
      problem:
        'is read as month/day/year and has no such month; where the day comes first give --time-format, such as "d/M/yyyy H:mm"',
    };
  }
  return fromParts({ year: match[3], month: match[1], day: match[2], rest: match.slice(4) });
}

function readDots(text: string): WrittenTime | undefined {
  const match = DOTS.exec(text);
  return match ? fromParts({ year: match[3], month: match[2], day: match[1], rest: match.slice(4) }) : undefined;
}

function readUnix(text: string): WrittenTime | undefined {
  const match = UNIX.exec(text);
  if (!match) return undefined;
  if (match[3] !== undefined) return { instantMs: Number(match[3]) };
  return { instantMs: Number(match[1]) * 1000 + milliseconds(match[2]) };
}

interface Parts {
  year: string | undefined;
  month: string | undefined;
  day: string | undefined;
  /** Hour, minute, second, fraction, A or P, offset; all undefined where only a date is given. */
  rest: (string | undefined)[];
}

function fromParts({ year, month, day, rest }: Parts): WrittenTime {
  const [hourText, minute, second, fraction, meridiem, offset] = rest;
  const hour = hourOf(hourText, meridiem);
  if (hour === undefined) return { problem: `has no such hour on a 12-hour clock` };
  const wallMs = wallTime([year, month, day, hour, minute, second].map((part) => Number(part ?? 0)));
  if (wallMs === undefined) return { problem: 'is no date and time of the calendar' };
  const exactMs = wallMs + milliseconds(fraction);
  if (offset === undefined) return { wallMs: exactMs };
  const offsetMs = offsetOf(offset);
  return offsetMs === undefined ? { problem: 'has no such offset from UTC' } : { instantMs: exactMs - offsetMs };
}

function hourOf(hour: string | undefined, meridiem: string | undefined): number | undefined {
  const given = Number(hour ?? 0);
  if (meridiem === undefined) return given;
  if (given < 1 || given > 12) return undefined;
  return (given % 12) + (meridiem.toLowerCase() === 'p' ? 12 : 0);
}

/** 24:00 is the midnight that ends a day (ISO 8601); leap seconds do not exist for us. */
function wallTime(parts: number[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (hour > 24 || minute > 59 || second > 59 || (hour === 24 && minute + second > 0)) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

function milliseconds(fraction: string | undefined): number {
  return Number((fraction ?? '').slice(0, 3).padEnd(3, '0'));
}

function offsetOf(offset: string): number | undefined {
  if (/^(Z|UTC)$/i.test(offset)) return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(3).replace(':', '') || 0);
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
