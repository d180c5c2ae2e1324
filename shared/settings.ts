/**
 * Settings: one definition yields the environment variable, the flag, the key of the configuration file and the help
 * text.
 *
 * Sources, strongest first: flag, environment, configuration file, default. `NAME_FILE` reads the value from a file. An
 * empty environment variable counts as not set, since manifests often leave one behind. Every value is validated once,
 * at start.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { AppError, messageOf } from './app-error.js';

export interface Setting<T> {
  /** Turns the text into the value; its message completes "NAME …". */
  schema: z.ZodType<T, string>;
  /** Text that goes through the schema like any other; absent: the value is undefined unless set. */
  default?: string;
  help: string;
  /** Never printed, not even in an error. */
  secret?: boolean;
}

export type Settings = Record<string, Setting<unknown>>;

/** The values of a set of definitions: those with a default are always there. */
export type SettingValues<S extends Settings> = {
  [K in keyof S]: S[K] extends Setting<infer T> ? (S[K] extends { default: string } ? T : T | undefined) : never;
};

export interface SettingSources {
  /** Flags by setting name, as given on the command line. */
  flags: Record<string, string | undefined>;
  env: Record<string, string | undefined>;
  /** Path of a JSON object of settings. */
  configFile?: string | undefined;
}

/** `--village-id` for `VILLAGE_ID`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** Reads and validates every setting. Throws `usage` with a sentence that names the first wrong one. */
export function loadSettings<S extends Settings>(definitions: S, sources: SettingSources): SettingValues<S> {
  const file = sources.configFile === undefined ? {} : readConfigFile(sources.configFile, definitions);
  const values: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const found = findText(name, definition, sources, file);
    if (!found) continue;
    const parsed = definition.schema.safeParse(found.text);
    if (!parsed.success) {
      const reason = parsed.error.issues[0]?.message ?? 'is not valid';
      const given = definition.secret ? '' : ` (given: ${JSON.stringify(withoutCredentials(found.text))})`;
      throw new AppError('usage', `${found.source} ${reason}${given}`);
    }
    values[name] = parsed.data;
  }
  return values as SettingValues<S>;
}

/** A URL's user and password are secrets even when the URL is refused. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1…@');
}

interface FoundText {
  text: string;
  /** How the person gave it, for the error message. */
  source: string;
}

function findText(
  name: string,
  definition: Setting<unknown>,
  { flags, env }: SettingSources,
  file: Record<string, string>,
): FoundText | undefined {
  const flag = flags[name];
  if (flag !== undefined) return { text: flag, source: flagOf(name) };
  const fromFlagFile = flags[`${name}_FILE`];
  if (fromFlagFile)
    return { text: readValueFile(flagOf(`${name}_FILE`), fromFlagFile), source: flagOf(`${name}_FILE`) };
  const variable = env[name];
  if (variable) return { text: variable, source: name };
  const fromVariableFile = env[`${name}_FILE`];
  if (fromVariableFile) return { text: readValueFile(`${name}_FILE`, fromVariableFile), source: `${name}_FILE` };
  const configured = file[name];
  if (configured !== undefined) return { text: configured, source: `${name} in the configuration file` };
  const configuredFile = file[`${name}_FILE`];
  if (configuredFile) {
    return { text: readValueFile(`${name}_FILE`, configuredFile), source: `${name}_FILE in the configuration file` };
  }
  return definition.default === undefined ? undefined : { text: definition.default, source: name };
}

function readValueFile(source: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch (error) {
    throw new AppError('usage', `${source} names a file that cannot be read: ${messageOf(error)}`);
  }
}

function readConfigFile(file: string, definitions: Settings): Record<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new AppError('usage', `--config ${file} cannot be read as JSON: ${messageOf(error)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new AppError('usage', `--config ${file} must hold one JSON object of settings`);
  }
  const known = new Set(Object.keys(definitions).flatMap((name) => [name, `${name}_FILE`]));
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(content)) {
    if (!known.has(key)) throw new AppError('usage', `--config ${file} has an unknown setting ${JSON.stringify(key)}`);
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new AppError('usage', `${key} in the configuration file must be a text, a number or a boolean`);
    }
    values[key] = String(value);
  }
  return values;
}
