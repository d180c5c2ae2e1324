/** How the verbs find the running centre and its admin token. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import { addSettings, settingsOf } from '../../shared/cli.js';
import { ProgramClient } from '../../shared/http/client.js';
import { origin } from '../../shared/setting-schemas.js';
import type { SettingValues } from '../../shared/settings.js';
import { CLIENT_SETTINGS } from '../config.js';
import { adminTokenFile } from '../tokens.js';

const TIMEOUT_MS = 30_000;

/** Adds `--central`, how to print (`--json`) and the settings of a verb that asks the running centre. */
export function addClientOptions(command: Command, addOutput: (command: Command) => Command = addJson): Command {
  command.addOption(new Option('--central <url>', 'the running centre (default: from CENTRAL_HOST and CENTRAL_PORT)'));
  addOutput(command);
  return addSettings(command, CLIENT_SETTINGS);
}

function addJson(command: Command): Command {
  return command.addOption(new Option('--json', 'print JSON'));
}

/** A client with the admin's token. Throws `usage` when there is no token to be found. */
export function adminClient(command: Command): ProgramClient {
  const settings = settingsOf(command, CLIENT_SETTINGS);
  return clientWith(command, settings, settings.ADMIN_TOKEN ?? tokenFromFile(settings.DATA_PATH));
}

function clientWith(
  command: Command,
  settings: SettingValues<typeof CLIENT_SETTINGS>,
  token: string | undefined,
): ProgramClient {
  const { central } = command.opts<{ central?: string }>();
  const url = central === undefined ? defaultUrl(settings) : parsedOrigin(central);
  return new ProgramClient({ url, token, peer: 'the centre', timeoutMs: TIMEOUT_MS });
}

function parsedOrigin(text: string): string {
  const parsed = origin.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AppError('usage', `--central ${parsed.error.issues[0]?.message}`);
}

function defaultUrl({ CENTRAL_HOST: host, CENTRAL_PORT: port, TLS_CERT: cert }: SettingValues<typeof CLIENT_SETTINGS>) {
  // An address that means "all of this machine's" is no address to connect to.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const name = reachable.includes(':') ? `[${reachable}]` : reachable;
  return `${cert === undefined ? 'http' : 'https'}://${name}:${port}`;
}

function tokenFromFile(dataPath: string): string {
  const file = adminTokenFile(dataPath);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new AppError(
      'usage',
      `ADMIN_TOKEN is not set, and the centre's own cannot be read from ${file}: ${codeOf(error) ?? messageOf(error)}`,
    );
  }
}
