/** `solar-central village list`: every village, when it was last heard of, and what awaits it. */
import type { Command } from 'commander';
import { print } from '../../shared/cli.js';
import { printColumns } from '../../shared/columns.js';
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
    ['VILLAGE', 'STATE', 'LAST CONTACT', 'LAST DOCUMENT', 'PENDING', 'CONFLICTS', 'NAME'],
    ...villages.map((one) => [
      one.id,
      stateOf(one),
      one.lastContactAt ?? '-',
      one.lastDocumentAt ?? '-',
      String(one.pending ?? '-'),
      String(one.openConflicts ?? 0),
      one.name ?? '',
    ]),
  ];
  printColumns(rows);
}

function stateOf(village: VillageView): string {
  if (village.disabled) return 'disabled';
  return village.silent ? 'silent' : 'ok';
}
