/** A test's own folder of CSV files. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { useTempFolder } from '../../support/temp-folder.js';

export interface CsvFolder {
  path(name: string): string;
  /** Writes a new file and returns its path. */
  file(content: string | Uint8Array): Promise<string>;
}

/** Inside a `describe`: a new folder for every test, removed after it. */
export function useCsvFolder(): CsvFolder {
  const folder = useTempFolder();
  let files = 0;
  const inFolder = (name: string) => path.join(folder.path, name);
  return {
    path: inFolder,
    async file(content) {
      const file = inFolder(`${++files}.csv`);
      await writeFile(file, content);
      return file;
    },
  };
}
