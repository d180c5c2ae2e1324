/**
 * `solar-central status`: is the centre there, can it use its store, and how are the villages. Exit code 1 when it is
 * not ready.
 */
import type { Command } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { print } from '../../shared/cli.js';
import type { ProgramClient } from '../../shared/http/client.js';
import type { VillageView } from '../analyst/village-view.js';
import { addClientOptions, adminClient } from './centre-client.js';

interface Status {
  url: string;
  version: string;
  villages: { total: number; silent: number; disabled: number };
}

export function addStatus(program: Command): void {
  const command = program.command('status').description('tell how the running centre is');
  addClientOptions(command).action(async () => {
    const status = await statusOf(adminClient(command));
    if (command.opts<{ json?: boolean }>().json) return print(JSON.stringify(status));
    const { total, silent, disabled } = status.villages;
    print(`The centre at ${status.url} (${status.version}) is ready.`);
    print(`Villages: ${total}, of which silent ${silent}, disabled ${disabled}.`);
  });
}

async function statusOf(client: ProgramClient): Promise<Status> {
  // First what answers in our own words: a wrong token is then told as such.
  const { items } = await client.json<{ items: VillageView[] }>('/v1/villages');
  const welcome = await client.json<{ vendor?: { name?: string; version?: string } }>('/');
  if (welcome.vendor?.name !== 'solar-central') {
    throw new AppError('unavailable', `what answers at ${client.url} is not solar-central`);
  }
  return {
    url: client.url,
    version: welcome.vendor.version ?? '',
    villages: {
      total: items.length,
      silent: items.filter((one) => one.silent && !one.disabled).length,
      disabled: items.filter((one) => one.disabled).length,
    },
  };
}
