/** A logger whose lines a test can read. */
import { Writable } from 'node:stream';
import winston from 'winston';
import type { Logger } from '../../shared/logger.js';

export interface CapturedLog {
  log: Logger;
  /** Every line written so far, with its fields. */
  lines: Record<string, unknown>[];
}

export function capturedLog(): CapturedLog {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const format = winston.format.json();
  return { log: winston.createLogger({ format, transports: [new winston.transports.Stream({ stream })] }), lines };
}
