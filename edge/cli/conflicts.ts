/** `solar-edge conflicts list|settle`: what was edited on both sides, and a person's word on it. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { AppError, messageOf } from '../../shared/app-error.js';
import { EXIT, print } from '../../shared/cli.js';
import type { Conflict, RegistryView } from '../../shared/registry/registry-view.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

export function conflictsCommand(): Command {
  return new Command('conflicts')
    .description('registry documents that were edited on both sides')
    .addCommand(listCommand())
    .addCommand(settleCommand());
}

function listCommand(): Command {
  const command = new Command('list').description('show them with all versions').option('--json', 'print JSON');
  return withEdgeOptions(command).action(async () => {
    const { items } = await openEdge(command, (client) => client.json<{ items: Conflict[] }>('/v1/conflicts'));
    if (command.opts<{ json?: boolean }>().json) print(JSON.stringify({ items }));
    else if (items.length === 0) print('There are no open conflicts.');
    else print(items.map(textOf).join('\n'));
    process.exitCode = EXIT.ok;
  });
}

function textOf({ type, id, fields, versions }: Conflict): string {
  const values = Object.entries(fields).flatMap(([field, given]) =>
    given.map(({ rev, value, author, at }) => {
      const text = field === '_deleted' ? `deleted: ${value === true}` : `${field}: ${JSON.stringify(value) ?? 'none'}`;
      return `  ${text}  (${author}, ${at}, --keep ${rev})`;
    }),
  );
  return [`${type}/${id}: ${versions.length} versions`, ...values].join('\n');
}

function settleCommand(): Command {
  const command = new Command('settle')
    .description('decide one: by a version to keep, or by a merged document')
    .argument('<type/id>', 'the document, such as device/m1')
    .option('--keep <rev>', 'the version, as the list names it')
    .option('--doc <file>', 'a JSON file with the merged document')
    .option('--json', 'print the document');
  return withEdgeOptions(command).action(async (name: string) => {
    const { keep, doc: file, json = false } = command.opts<{ keep?: string; doc?: string; json?: boolean }>();
    const path = pathOf(name);
    if ((keep === undefined) === (file === undefined)) throw new AppError('usage', 'one of --keep and --doc is needed');
    const body = JSON.stringify(file === undefined ? { keep } : { doc: await readJson(file) });
    const headers = { 'Content-Type': 'application/json' };
    const settled = await openEdge(command, (client) =>
      client.json<RegistryView | { deleted: true }>(`/v1/conflicts/${path}`, { method: 'POST', headers, body }),
    );
    const isDeleted = !('_rev' in settled);
    print(json ? JSON.stringify(settled) : `${name} is settled${isDeleted ? ': it is deleted' : ''}.`);
    process.exitCode = EXIT.ok;
  });
}

function pathOf(name: string): string {
  const [type, id, ...rest] = name.split('/');
  if (!type || !id || rest.length > 0) throw new AppError('usage', `${name} is not a document: device/m1 would be one`);
  return `${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new AppError('usage', `${file} cannot be read as JSON: ${messageOf(error)}`);
  }
}
