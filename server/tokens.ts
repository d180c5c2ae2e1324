/** Tokens of the admin and the analyst: from the settings, else from files in the data folder, made on first start. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { AppError, messageOf } from '../shared/app-error.js';
import { readFileIfPresent, writeFileDurably } from '../shared/durable-file.js';
import { secret } from '../shared/setting-schemas.js';
import type { CentralConfig } from './config.js';
import { makeFolder } from './data-folder.js';

export interface Tokens {
  admin: string;
  analyst: string;
}

const TOKEN_BYTES = 24;
const OWNER_ONLY = 0o600;

export async function loadTokens(config: CentralConfig): Promise<Tokens> {
  const { dataPath, adminToken, analystToken } = config;
  return {
    admin: adminToken ?? (await tokenInFile(adminTokenFile(dataPath))),
    analyst: analystToken ?? (await tokenInFile(path.join(dataPath, 'analyst-token'))),
  };
}

export function adminTokenFile(dataPath: string): string {
  return path.join(dataPath, 'admin-token');
}

async function tokenInFile(file: string): Promise<string> {
  await makeFolder(path.dirname(file));
  try {
    const kept = (await readFileIfPresent(file))?.trim();
    if (kept) return secret.parse(kept);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    await writeFileDurably(file, `${token}\n`, OWNER_ONLY);
    return token;
  } catch (error) {
    throw new AppError('usage', `the token file ${file} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}
