/** `solar-central conflicts`: registry documents that were edited on both sides while neither knew. */
import { type Command, Option } from 'commander';
import { print } from '../../shared/cli.js';
import { printColumns } from '../../shared/columns.js';
import type { ProgramClient } from '../../shared/http/client.js';
import type { ConflictingValue } from '../../shared/registry/registry-view.js';
import type { ConflictPage, VillageConflict } from '../registry/conflict-list.js';
import { addClientOptions, adminClient } from './centre-client.js';

/** More of a value is not shown in a row. */
const MAX_SHOWN = 60;

export function addConflicts(program: Command): void {
  const command = program.command('conflicts').description('list what was edited on both sides and awaits a person');
  command.addOption(new Option('--village <id>', 'of this village alone'));
  addClientOptions(command).action(async () => {
    const { village, json } = command.opts<{ village?: string; json?: boolean }>();
    const items = await allConflicts(adminClient(command), village);
    if (json) print(JSON.stringify({ items }));
    else if (items.length === 0) print('There is no open conflict.');
    else printColumns([['VILLAGE', 'DOCUMENT', 'FIELD', 'VALUE', 'BY', 'AT', 'REV'], ...items.flatMap(rowsOf)]);
  });
}

async function allConflicts(client: ProgramClient, village: string | undefined): Promise<VillageConflict[]> {
  const items: VillageConflict[] = [];
  const parameters = new URLSearchParams({ limit: '1000', ...(village === undefined ? {} : { village }) });
  for (;;) {
    const page = await client.json<ConflictPage>(`/v1/conflicts?${parameters}`);
    items.push(...page.items);
    if (page.next === undefined) return items;
    parameters.set('cursor', page.next);
  }
}

function rowsOf({ village, type, id, fields }: VillageConflict): string[][] {
  return Object.entries(fields).flatMap(([field, values]) =>
    values.map((one) => [village, `${type}/${id}`, field, shown(one), one.author, one.at, one.rev]),
  );
}

function shown({ value }: ConflictingValue): string {
  const text = value === undefined ? '(removed)' : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}
