/** A form of writing time given in Luxon's tokens (`--time-format`), checked before any row is read with it. */
import { DateTime } from 'luxon';
import { AppError, messageOf } from '../../shared/app-error.js';
import type { TimeForm } from './time-forms.js';

/**
 * Names of months and the like are English whatever the machine's language, so that a file means the same everywhere.
 */
const LOCALE = { locale: 'en-US', numberingSystem: 'latn' } as const;
const READ_AS_WRITTEN = { ...LOCALE, zone: 'utc' } as const;

/** Both differ in every unit, and both have an afternoon that a 12-hour clock without AM and PM cannot tell. */
const SAMPLES = ['2007-03-05T15:07:09.012Z', '2021-11-23T22:45:37.123Z'];
const UNITS = ['millisecond', 'second', 'minute', 'hour', 'day'] as const;

/** Offsets from UTC, which fix the instant. */
const OFFSET_TOKENS: ReadonlySet<string> = new Set(['Z', 'ZZ', 'ZZZ']);

/**
 * A form from Luxon tokens such as `d/M/yyyy HH:mm`. Throws `usage` for a format Luxon cannot read, one that does not
 * tell the year, the month and the day, and one with a zone's name (`z`), which is what --tz is for.
 */
export function customTimeForm(format: string): TimeForm {
  const refuse = (why: string) => new AppError('usage', `--time-format ${JSON.stringify(format)} ${why}`);
  if (format.trim() === '') throw refuse('is empty');
  const { tokens, problem } = explain(format);
  if (problem !== undefined) throw refuse(`cannot be used to read times: ${problem}`);
  if (tokens.includes('z')) throw refuse('has a zone name (z); leave it out and give the zone with --tz');
  if (!SAMPLES.every((sample) => survives(sample, format))) {
    throw refuse(
      'does not tell the whole date and the hour of the day; see the tokens of Luxon, such as "d/M/yyyy HH:mm"',
    );
  }
  const parser = DateTime.buildFormatParser(format, LOCALE);
  const givesInstant = tokens.some((token) => OFFSET_TOKENS.has(token));
  return (text) => {
    const time = DateTime.fromFormatParser(text, parser, READ_AS_WRITTEN);
    if (!time.isValid) return { problem: `is not written as --time-format ${JSON.stringify(format)} says` };
    return givesInstant ? { instantMs: time.toMillis() } : { wallMs: time.toMillis() };
  };
}

function explain(format: string): { tokens: string[]; problem?: string } {
  try {
    const { tokens, invalidReason } = DateTime.fromFormatExplain('', format, READ_AS_WRITTEN);
    const names = (tokens as { literal: boolean; val: string }[])
      .filter(({ literal }) => !literal)
      .map(({ val }) => val);
    return { tokens: names, ...(invalidReason ? { problem: invalidReason } : {}) };
  } catch (error) {
    return { tokens: [], problem: messageOf(error) };
  }
}

/** True when an instant written in the format is read back as the same, down to some unit of a day or less. */
function survives(sample: string, format: string): boolean {
  const written = DateTime.fromISO(sample, READ_AS_WRITTEN);
  try {
    const read = DateTime.fromFormat(written.toFormat(format, LOCALE), format, READ_AS_WRITTEN);
    return read.isValid && UNITS.some((unit) => written.startOf(unit).toMillis() === read.toMillis());
  } catch {
    return false;
  }
}
