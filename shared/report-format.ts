/** How a verb that reports prints: a table for people, JSON or CSV for programs. */
import { type Command, Option } from 'commander';
import { print } from './cli.js';
import { csvLine } from './csv.js';

export interface Report {
  /** Printed by default. */
  people(): void;
  json: unknown;
  /** The first row is the heading. */
  csv: readonly (readonly unknown[])[];
}

/** Adds `--format` and `--json`, which is short for `--format json`. */
export function addFormat(command: Command): Command {
  return command
    .addOption(new Option('--format <format>', 'table, json or csv').choices(['table', 'json', 'csv']).default('table'))
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }));
}

export function printReport(command: Command, { people, json, csv }: Report): void {
  const { format } = command.opts<{ format: 'table' | 'json' | 'csv' }>();
  if (format === 'json') print(JSON.stringify(json));
  else if (format === 'csv') for (const row of csv) print(csvLine(row).trimEnd());
  else people();
}

/** Names and values of what an object holds, one a row, inner names behind a dot; lists are JSON. */
export function flatRows(value: object, prefix = ''): [name: string, value: unknown][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]): [string, unknown][] => {
    if (Array.isArray(inner)) return [[prefix + name, JSON.stringify(inner)]];
    if (typeof inner === 'object' && inner !== null) return flatRows(inner, `${prefix}${name}.`);
    return [[prefix + name, inner]];
  });
}
