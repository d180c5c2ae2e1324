/** `solar-central village disable ID`: its credential stops working within seconds; its data stays. */
import type { Command } from 'commander';
import { print } from '../../shared/cli.js';
import { addClientOptions, adminClient } from './centre-client.js';

export function addVillageDisable(village: Command): void {
  const command = village.command('disable').description('let a village in no more').argument('<id>');
  addClientOptions(command).action(async (id: string) => {
    const path = `/v1/villages/${encodeURIComponent(id)}/disable`;
    const answer = await adminClient(command).json<{ id: string; disabled: boolean }>(path, { method: 'POST' });
    const { json } = command.opts<{ json?: boolean }>();
    print(
      json
        ? JSON.stringify(answer)
        : `The village ${answer.id} is disabled. "village rotate ${answer.id}" lets it in again.`,
    );
  });
}
