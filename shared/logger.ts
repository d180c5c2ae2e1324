/**
 * Logs: one line per fact on standard error, JSON for machines or short text for people. Nothing secret is ever passed
 * in.
 */
import winston from 'winston';

export type Logger = winston.Logger;

export interface LogOptions {
  level: string;
  /** `auto` is `pretty` on a terminal and `json` elsewhere. */
  format: 'json' | 'pretty' | 'auto';
  /** Fields repeated on every line, such as the program and the village. */
  fields?: Record<string, string>;
}

/** A winston logger that writes every level to standard error, so that standard output carries results only. */
export function createLogger({ level, format, fields = {} }: LogOptions): Logger {
  const pretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const { combine, timestamp, json, printf } = winston.format;
  const people = printf(({ timestamp: at, level: lineLevel, message, ...rest }) => {
    const facts = Object.entries(rest)
      .filter(([name]) => !(name in fields))
      .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join('');
    return `${at} ${lineLevel.padEnd(5)} ${message}${facts}`;
  });
  return winston.createLogger({
    level,
    defaultMeta: fields,
    format: combine(timestamp(), pretty ? people : json()),
    transports: [
      new winston.transports.Console({ stderrLevels: Object.keys(winston.config.npm.levels), handleExceptions: false }),
    ],
  });
}

/** A logger that says nothing, for tests and for short verbs. */
export function silentLogger(): Logger {
  return winston.createLogger({ silent: true, transports: [new winston.transports.Console()] });
}
