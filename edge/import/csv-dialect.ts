/**
 * What kind of CSV a file is, told from its beginning: the delimiter of its header line. Files that are not UTF-8 text,
 * and those that are no CSV at all, are refused here with a sentence that says what to do.
 */
import { open, stat } from 'node:fs/promises';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';

export interface CsvDialect {
  delimiter: ',' | ';' | '\t';
  /** Size of the file when it was looked at. */
  totalBytes: number;
}

const PROBE_BYTES = 64 * 1024;

/** Looks at a file's beginning. Throws `usage` when there is no such file, or it is empty or not UTF-8 text. */
export async function detectDialect(file: string): Promise<CsvDialect> {
  const { start, totalBytes } = await readStart(file);
  if (totalBytes === 0) throw new AppError('usage', `${file} is empty; its first line must name the columns`);
  const [first, second] = start;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new AppError('usage', `${file} is UTF-16 text; save it as UTF-8 first`);
  }
  if (first === 0x1f && second === 0x8b) throw new AppError('usage', `${file} is compressed; unpack it first`);
  if (start.includes(0)) throw new AppError('usage', `${file} is not a text file`);
  return { delimiter: delimiterOf(start.toString('utf8')), totalBytes };
}

async function readStart(file: string): Promise<{ start: Buffer; totalBytes: number }> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw new AppError('usage', `${file} is not a regular file`);
    const handle = await open(file, 'r');
    try {
      const probe = new Uint8Array(PROBE_BYTES);
      const { bytesRead } = await handle.read(probe, 0, PROBE_BYTES, 0);
      return { start: Buffer.from(probe.subarray(0, bytesRead)), totalBytes: status.size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (codeOf(error) === 'ENOENT') throw new AppError('usage', `there is no file ${file}`);
    throw new AppError('usage', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** The candidate that occurs most often outside quotes in the first line with any text; the comma where none does. */
function delimiterOf(start: string): CsvDialect['delimiter'] {
  const counts = { ',': 0, ';': 0, '\t': 0 };
  let quoted = false;
  let anyText = false;
  for (const character of start.replace(/^\uFEFF/, '')) {
    if (character === '"') quoted = !quoted;
    if (quoted) continue;
    if (character === '\n' || character === '\r') {
      if (anyText) break;
    } else if (character === ',' || character === ';' || character === '\t') {
      counts[character]++;
      anyText = true;
    } else if (character.trim() !== '') {
      anyText = true;
    }
  }
  if (counts[';'] > counts[','] && counts[';'] >= counts['\t']) return ';';
  return counts['\t'] > counts[','] ? '\t' : ',';
}
