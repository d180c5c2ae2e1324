/**
 * What both programs' command lines have in common: settings as flags, exit codes, output, and errors as one sentence.
 * Results go to standard output, everything else to standard error.
 */
import { Command, CommanderError, Option } from 'commander';
import { AppError, messageOf } from './app-error.js';
import { flagOf, loadSettings, type Settings, type SettingValues } from './settings.js';

export const EXIT = { ok: 0, unfinished: 1, usage: 2, refused: 3 } as const;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Adds a flag for each setting (and `--…-file` for its value in a file) to a verb. */
export function addSettings(command: Command, settings: Settings): Command {
  command.addOption(new Option('--config <file>', 'JSON file of settings').helpGroup('Settings:'));
  for (const [name, setting] of Object.entries(settings)) {
    const shown = setting.default === undefined ? '' : ` (default: ${setting.default})`;
    command.addOption(
      new Option(`${flagOf(name)} <value>`, `${setting.help}${shown}  [${name}]`).helpGroup('Settings:'),
    );
    command.addOption(new Option(`${flagOf(`${name}_FILE`)} <path>`, '').hideHelp());
  }
  command.addHelpText(
    'after',
    '\nEvery setting is also an environment variable of the name in brackets; ' +
      'NAME_FILE (or --name-file) reads it from a file.',
  );
  return command;
}

/** The settings of a verb from its flags, the environment and the configuration file. Throws `usage`. */
export function settingsOf<S extends Settings>(command: Command, settings: S, env = process.env): SettingValues<S> {
  const given = command.opts<Record<string, string | undefined>>();
  const flags: Record<string, string | undefined> = {};
  for (const name of Object.keys(settings)) {
    flags[name] = given[camelCase(name)];
    flags[`${name}_FILE`] = given[camelCase(`${name}_FILE`)];
  }
  return loadSettings(settings, { flags, env, configFile: given.config });
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A program whose mistakes in usage become exit code 2 and one sentence. */
export function createProgram(name: string, description: string, version: string): Command {
  return new Command(name)
    .description(description)
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) })
    .showHelpAfterError('(--help shows what there is)');
}

function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.unfinished);
  throw error;
}

/** Parses the command line, runs the verb and returns the exit code; verbs return theirs or nothing for 0. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  inheritSettings(program);
  // Whoever reads the output may stop reading (`| head`): that ends the program quietly, not with a stack trace.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endOnClosedPipe);
  try {
    await program.parseAsync(argv as string[]);
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof AppError) {
      printError(`error: ${error.message}`);
      return error.exitCode;
    }
    printError(`error: something unexpected went wrong: ${messageOf(error)}`);
    if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) printError(error.stack ?? '');
    return EXIT.unfinished;
  }
}

/**
 * `addCommand` does not pass on how the program ends and writes; usage errors in a verb must end like those of the
 * program.
 */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    inheritSettings(command);
  }
}

/** Resolves with the signal's name when the process is asked to end. A second signal ends it at once. */
export function untilTerminated(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      resolve(signal);
      process.once(signal, () => process.exit(EXIT.unfinished));
    };
    process.once('SIGTERM', onSignal);
    process.once('SIGINT', onSignal);
  });
}
