/**
 * A page's files as they were built, read once, at the first request: small, compressed beforehand, and under a path that
 * changes with their content, so that a browser keeps them for good.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { AppError } from '../../app-error.js';

const compress = promisify(gzip);

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export class PageFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly #tag: string;

  private constructor(type: string, plain: Buffer, gzipped: Buffer) {
    this.type = type;
    this.plain = plain;
    this.gzipped = gzipped;
    this.#tag = `W/"${createHash('sha256').update(plain).digest('hex').slice(0, 16)}"`;
  }

  /** `extension` with its dot; one there is no type for cannot be sent. */
  static async of(extension: string, plain: Buffer): Promise<PageFile> {
    const type = TYPES[extension] ?? 'application/octet-stream';
    return new PageFile(type, plain, await compress(plain, { level: constants.Z_BEST_COMPRESSION }));
  }

  /** Of types alone nothing is left to load. */
  get isEmptyModule(): boolean {
    return this.plain.toString('utf8').trim() === 'export {};';
  }

  send(request: Request, response: Response): void {
    response.vary('Accept-Encoding').set({ 'Content-Type': this.type, ETag: this.#tag });
    const isSmall = request.acceptsEncodings('gzip') === 'gzip';
    if (isSmall) response.set('Content-Encoding', 'gzip');
    response.send(isSmall ? this.gzipped : this.plain);
  }
}

export class PageFiles {
  /** Begins every path of a file, `/dashboard/<hash of them all>`. */
  readonly base: string;
  readonly #files: ReadonlyMap<string, PageFile>;

  private constructor(files: ReadonlyMap<string, PageFile>) {
    const hash = createHash('sha256');
    for (const [name, { plain }] of files) hash.update(`${name}\n${plain.length}\n`).update(plain);
    this.base = `/dashboard/${hash.digest('hex').slice(0, 16)}`;
    this.#files = files;
  }

  static async load(folder: string): Promise<PageFiles> {
    try {
      const found = await readdir(folder, { recursive: true });
      const names = found.filter((name) => path.extname(name) in TYPES).sort();
      const files = await Promise.all(names.map(async (name) => [urlPath(name), await read(folder, name)] as const));
      return new PageFiles(new Map(files));
    } catch (error) {
      throw new AppError('internal', `the dashboard's files in ${folder} cannot be read`, { cause: error });
    }
  }

  get names(): string[] {
    return [...this.#files.keys()];
  }

  /** By its path below `base`. */
  get(name: string): PageFile | undefined {
    return this.#files.get(name);
  }

  /** A page, which has places to fill in. */
  template(name: string): string {
    const file = this.#files.get(name);
    if (!file) throw new AppError('internal', `the dashboard's file ${name} is missing`);
    return file.plain.toString('utf8');
  }
}

async function read(folder: string, name: string): Promise<PageFile> {
  return PageFile.of(path.extname(name), await readFile(path.join(folder, name)));
}

function urlPath(name: string): string {
  return name.split(path.sep).join('/');
}
