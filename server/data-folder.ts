/** The folder in which a centre keeps what is its own. */
import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AppError, codeOf, messageOf } from '../shared/app-error.js';

const FOLDER_FAULTS: Partial<Record<string, string>> = {
  EEXIST: 'it, or what should be a folder above it, is a file',
  ENOTDIR: 'it, or what should be a folder above it, is a file',
  EACCES: 'this user may not read and write there',
  EPERM: 'this user may not read and write there',
  EROFS: 'the file system is read-only',
};

/** Creates the folder where there is none, for its owner alone; throws `usage` when it cannot be made or written. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    // The folders above are not the centre's own: they keep the usual mode.
    await mkdir(path.dirname(folder), { recursive: true });
    await mkdir(folder, { mode: 0o700 }).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    // The dot makes a file in the folder's place a fault too.
    await access(`${folder}/.`, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = FOLDER_FAULTS[codeOf(error) ?? ''] ?? messageOf(error);
    throw new AppError('usage', `DATA_PATH ${folder} cannot be used: ${reason}`, { cause: error });
  }
}
