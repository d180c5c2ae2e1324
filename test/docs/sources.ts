/** What the documentation is held against, read from the sources. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './markdown.js';

export function source(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** All TypeScript below folders, by path; `docs` and what is built are not among it. */
export function sources(...folders: string[]): { file: string; text: string }[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => path.join(folder, file))
      .map((file) => ({ file, text: source(file) })),
  );
}

/** The members of `export type NAME = 'a' | 'b'`. */
export function membersOfType(file: string, name: string): string[] {
  const [, union = ''] = new RegExp(`export type ${name} =([^;]+);`).exec(source(file)) ?? [];
  const members = [...union.matchAll(/'([^']+)'/g)].map(([, member = '']) => member);
  if (members.length === 0) throw new Error(`${file} has no type ${name} of texts`);
  return members;
}

export interface LogMessage {
  file: string;
  /** What does not differ from one time to the next, in order. */
  parts: string[];
}

const CALL = /\blog\??(?:\.(?:error|warn)|\[level\])\(\s*/g;
const FIRST_TEXT = /^(?:'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/;

/** Calls whose message is not written at the call; each is told of elsewhere. */
const NOT_AT_THE_CALL = ['log.error(message', 'log.warn(messageOf(', 'log.error(\n      db ==='];

/** Every message at `warn` and `error` that is written where it is logged, and how many are not. */
export function logMessages(): LogMessage[] {
  return sources('edge', 'server', 'shared').flatMap(({ file, text }) =>
    [...text.matchAll(CALL)].flatMap((call): LogMessage[] => {
      const rest = text.slice(call.index + call[0].length);
      const [, plain, template] = FIRST_TEXT.exec(rest) ?? [];
      const message = plain ?? template;
      if (message !== undefined) return [{ file, parts: message.split(/\$\{[^}]*\}/).filter((part) => part !== '') }];
      const begin = text.slice(call.index, call.index + 40);
      if (NOT_AT_THE_CALL.some((known) => begin.startsWith(known))) return [];
      throw new Error(`${file}: the message of a log line is not a text: ${begin}`);
    }),
  );
}
