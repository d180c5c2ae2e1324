/** `solar-central village add ID`: a new village and its credential, shown this once. */
import { type Command, Option } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { print } from '../../shared/cli.js';
import { addClientOptions, adminClient } from './centre-client.js';
import { type Credential, printCredential } from './credential-output.js';

interface Given {
  name?: string;
  lat?: string;
  lon?: string;
  region?: string;
  json?: boolean;
}

export function addVillageAdd(village: Command): void {
  const command = village.command('add').description('add a village and print its credential once').argument('<id>');
  command.addOption(new Option('--name <name>', 'name for people'));
  command.addOption(new Option('--lat <degrees>', 'latitude'));
  command.addOption(new Option('--lon <degrees>', 'longitude'));
  command.addOption(new Option('--region <region>', 'region, under which many villages are chosen at once'));
  addClientOptions(command).action(async (id: string) => {
    const { name, lat, lon, region, json } = command.opts<Given>();
    const body = JSON.stringify({ id, name, lat: degrees('--lat', lat), lon: degrees('--lon', lon), region });
    const headers = { 'Content-Type': 'application/json' };
    const made = await adminClient(command).json<Credential>('/v1/villages', { method: 'POST', headers, body });
    if (!json) print(`The village ${made.id} was added.`);
    printCredential(made, json === true);
  });
}

function degrees(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new AppError('usage', `${flag} must be a number of degrees (given: ${JSON.stringify(text)})`);
}
