/** `solar-central village list`: every village and when it was last heard of. */
import type { Command } from 'commander';
import { print } from '../../shared/cli.js';
import type { VillageView } from '../analyst/village-view.js';
import { addClientOptions, adminClient } from './centre-client.js';

export function addVillageList(village: Command): void {
  const command = village.command('list').description('list the villages');
  addClientOptions(command).action(async () => {
    const answer = await adminClient(command).json<{ items: VillageView[] }>('/v1/villages');
    if (command.opts<{ json?: boolean }>().json) print(JSON.stringify(answer));
    else if (answer.items.length === 0) print('There is no village yet; "village add ID" makes one.');
    else printTable(answer.items);
  });
}

function printTable(villages: readonly VillageView[]): void {
  const rows = [
    ['VILLAGE', 'STATE', 'LAST CONTACT', 'LAST DOCUMENT', 'NAME'],
    ...villages.map((one) => [
      one.id,
      stateOf(one),
      one.lastContactAt ?? '-',
      one.lastDocumentAt ?? '-',
      one.name ?? '',
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

function stateOf(village: VillageView): string {
  if (village.disabled) return 'disabled';
  return village.silent ? 'silent' : 'ok';
}
