/** A program's pages with their places filled in, `{{name}}`: one for each language and each set of values. */
import type { Request, Response } from 'express';
import { AppError } from '../../app-error.js';
import { type Dictionaries, type Dictionary, dictionaryOf, LANGUAGES } from '../../dashboard/words.js';
import { PageFile, PageFiles } from './page-files.js';

export interface PageTemplatesOptions {
  /** Where the built files are. */
  folder: string;
  dictionaries: Dictionaries;
}

export class PageTemplates {
  readonly #options: PageTemplatesOptions;
  readonly #made = new Map<string, Promise<PageFile>>();
  #files: Promise<PageFiles> | undefined;

  constructor(options: PageTemplatesOptions) {
    this.#options = options;
  }

  /** Tried again by the next request where they could not be read. */
  files(): Promise<PageFiles> {
    this.#files ??= PageFiles.load(this.#options.folder).catch((error: unknown) => {
      this.#files = undefined;
      throw error;
    });
    return this.#files;
  }

  /**
   * The page `name` in the browser's language. A place is one of `values`, of which there must not be many different
   * sets, or a word of the dictionary; `message` is the word that stands in the place of that name.
   */
  async send(
    request: Request,
    response: Response,
    { name, values, message }: { name: string; values: Readonly<Record<string, string>>; message?: string },
  ): Promise<void> {
    const language = request.acceptsLanguages(...LANGUAGES) || 'en';
    const words = dictionaryOf(this.#options.dictionaries, language);
    const said = message === undefined ? '' : wordAt(words, message);
    const key = JSON.stringify([name, language, message, values]);
    const files = await this.files();
    const made = this.#made.get(key) ?? filledIn(files, name, words, { ...values, language, message: said });
    this.#made.set(key, made);
    response.set({ 'Cache-Control': 'no-cache' }).vary('Accept-Language').vary('Cookie');
    (await made).send(request, response);
  }
}

async function filledIn(
  files: PageFiles,
  name: string,
  words: Dictionary,
  values: Readonly<Record<string, string>>,
): Promise<PageFile> {
  const places: Record<string, string> = { ...values, base: files.base };
  const modules = files.names.filter((file) => file.endsWith('.js') && files.get(file)?.isEmptyModule === false);
  const html = files
    .template(name)
    .replace('<html lang="en">', `<html lang="${places.language}">`)
    .replace('<!-- modules -->', modules.map((one) => preloadOf(`${files.base}/${one}`)).join('\n    '))
    .replace(/\{\{([\w.]+)\}\}/g, (_whole, place: string) => escaped(places[place] ?? wordAt(words, place)));
  return PageFile.of('.html', Buffer.from(html, 'utf8'));
}

function wordAt(words: Dictionary, key: string): string {
  const word = words[key];
  if (word === undefined) throw new AppError('internal', `the dashboard has no word for ${key}`);
  return word;
}

function preloadOf(url: string): string {
  return `<link rel="modulepreload" href="${url}">`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
