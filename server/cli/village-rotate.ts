/** `solar-central village rotate ID`: a new credential; the old one stops working, a disabled village works again. */
import type { Command } from 'commander';
import { print } from '../../shared/cli.js';
import { addClientOptions, adminClient } from './centre-client.js';
import { type Credential, printCredential } from './credential-output.js';

export function addVillageRotate(village: Command): void {
  const command = village
    .command('rotate')
    .description('give a village a new credential; a disabled village is let in again')
    .argument('<id>');
  addClientOptions(command).action(async (id: string) => {
    const path = `/v1/villages/${encodeURIComponent(id)}/rotate`;
    const made = await adminClient(command).json<Credential>(path, { method: 'POST' });
    const { json } = command.opts<{ json?: boolean }>();
    if (!json) {
      print(
        `The village ${made.id} has a new credential; the old one works no more. If it was disabled, it is enabled.`,
      );
    }
    printCredential(made, json === true);
  });
}
