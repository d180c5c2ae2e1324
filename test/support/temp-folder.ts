/** Folders of a test's own under the system's temporary folder, removed afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach } from 'mocha';

/** A new empty folder; whoever makes it removes it with `removeFolder`. */
export function createTempFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), 'solar-sync-test-'));
}

/** Removes a folder with everything in it; fine when it is gone already. */
export async function removeFolder(folder: string): Promise<void> {
  // A process that was just killed may still be letting go of its files.
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

export interface TempFolder {
  /** The folder of the test that is running. */
  readonly path: string;
}

/**
 * Inside a `describe`: gives every test a new folder and removes it after the test. Mocha runs `afterEach` hooks in the
 * order they were registered: call this after registering the hook that stops what uses the folder.
 */
export function useTempFolder(): TempFolder {
  let current: string | undefined;
  beforeEach(async () => {
    current = await createTempFolder();
  });
  afterEach(async () => {
    if (current !== undefined) await removeFolder(current);
    current = undefined;
  });
  return {
    get path(): string {
      if (current === undefined) throw new Error('the temporary folder exists only while a test runs');
      return current;
    },
  };
}
