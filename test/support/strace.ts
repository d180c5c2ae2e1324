/**
 * What strace writes down, read back call by call.
 *
 * A call of one thread that was interrupted by a call of another stands in two lines; it is put together here, with the
 * places of both, since what it did may have happened anywhere between them.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface SystemCall {
  name: string;
  /** As strace writes them, strings in C's notation. */
  args: string;
  /** -1 for a call that failed. */
  result: number;
  /** Line in which it began and in which it was done. */
  beganAt: number;
  endedAt: number;
}

/** Calls that change a file system, and those that say what is asked of and answered by a server. */
const TRACED =
  'openat,?open,?creat,read,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,?rename,?renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,ftruncate,truncate,fallocate,close,dup,?dup2,dup3,fcntl,?link,linkat,?symlink,symlinkat,lseek,copy_file_range,sendfile';

/**
 * The command before the command to record. The program stays the direct child, so that signals reach it, and the
 * recorder keeps its standard error open until everything is written down.
 */
export function straceCommand(file: string): string[] {
  const maxTextBytes = 4_000_000;
  return ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-s', String(maxTextBytes), '-o', file, '-e', `trace=${TRACED}`];
}

/** Why nothing can be recorded here; undefined where it can. */
export function whyNoStrace(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']);
  if (error) return 'strace is not installed';
  return status === 0 ? undefined : `strace cannot be used: ${stderr.toString().trim().split('\n')[0]}`;
}

const UNFINISHED = ' <unfinished ...>';
const RESUMED = / resumed>/;

/** The finished calls of a recording, in the order in which they ended. */
export async function* systemCalls(file: string): AsyncGenerator<SystemCall> {
  const unfinished = new Map<string, { text: string; line: number }>();
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file, 'latin1') })) {
    line++;
    const space = text.indexOf(' ');
    const thread = text.slice(0, space);
    let rest = text.slice(space).trimStart();
    let beganAt = line;
    if (rest.startsWith('+++') || rest.startsWith('---')) continue;
    if (rest.endsWith(UNFINISHED)) {
      unfinished.set(thread, { text: rest.slice(0, -UNFINISHED.length), line });
      continue;
    }
    if (rest.startsWith('<... ')) {
      const begin = unfinished.get(thread);
      if (!begin) throw new Error(`line ${line} of ${file} goes on with a call that never began`);
      unfinished.delete(thread);
      beganAt = begin.line;
      rest = begin.text + rest.slice((RESUMED.exec(rest)?.index ?? 0) + ' resumed>'.length);
    }
    const call = parseCall(rest);
    if (call) yield { ...call, beganAt, endedAt: line };
  }
}

function parseCall(text: string): Pick<SystemCall, 'name' | 'args' | 'result'> | undefined {
  const open = text.indexOf('(');
  const equals = text.lastIndexOf(' = ');
  // A thread that ended within a call has no result.
  const result = /^ = (-?\d+|0x[0-9a-f]+)/.exec(text.slice(equals, equals + 32))?.[1];
  if (open < 0 || result === undefined) return undefined;
  const args = text.slice(open + 1, text.lastIndexOf(')', equals));
  return { name: text.slice(0, open), args, result: Number(result) };
}

/** The texts among a call's arguments; throws where strace has cut one short. */
export function stringsOf({ name, args }: SystemCall): Uint8Array<ArrayBuffer>[] {
  const texts: Uint8Array<ArrayBuffer>[] = [];
  for (let from = args.indexOf('"'); from >= 0; ) {
    const to = endOfString(args, from + 1);
    if (args.startsWith('...', to + 1)) throw new Error(`the recording of a ${name} was cut short`);
    texts.push(unescapeC(args.slice(from + 1, to)));
    from = args.indexOf('"', to + 1);
  }
  return texts;
}

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  throw new Error('a text in the recording has no end');
}

const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, a: 7, b: 8, '"': 34, '\\': 92 };

/** Bytes of a text in C's notation, with octal numbers of one to three digits. */
function unescapeC(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== BACKSLASH) {
      bytes[length++] = code;
      continue;
    }
    const next = text[++at] ?? '';
    const known = ESCAPES[next];
    if (known !== undefined) {
      bytes[length++] = known;
      continue;
    }
    const digits = /^[0-7]{1,3}/.exec(text.slice(at, at + 3))?.[0];
    if (digits === undefined) throw new Error(`the recording has an unknown escape: \\${next}`);
    bytes[length++] = Number.parseInt(digits, 8);
    at += digits.length - 1;
  }
  return bytes.slice(0, length);
}
