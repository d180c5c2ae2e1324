/** `solar-central village rotate ID`: a new credential; the old one ends later or at once, a disabled village works again. */
import { type Command, Option } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { print } from '../../shared/cli.js';
import { DEFAULT_OVERLAP_HOURS } from '../gateway/credential-rotation.js';
import { addClientOptions, adminClient } from './centre-client.js';
import { type Credential, printCredential } from './credential-output.js';

export function addVillageRotate(village: Command): void {
  const command = village
    .command('rotate')
    .description('give a village a new credential; a disabled village is let in again')
    .argument('<id>');
  command.addOption(
    new Option('--overlap-hours <hours>', `how long the old credential stays good (default: ${DEFAULT_OVERLAP_HOURS})`),
  );
  command.addOption(new Option('--now', 'end the old credential at once').conflicts('overlapHours'));
  addClientOptions(command).action(async (id: string) => {
    const path = `/v1/villages/${encodeURIComponent(id)}/rotate`;
    const { now, overlapHours: given, json } = command.opts<{ now?: true; overlapHours?: string; json?: boolean }>();
    const overlapHours = now ? 0 : hoursOf(given);
    const made = await adminClient(command).json<Credential>(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ overlapHours }),
    });
    if (!json) {
      const old = overlapHours > 0 ? `works for ${overlapHours} h more` : 'works no more';
      const enabled = `If it was disabled, it is enabled${overlapHours > 0 ? ', and the old one works no more' : ''}.`;
      print(`The village ${made.id} has a new credential; the old one ${old}. ${enabled}`);
    }
    printCredential(made, json === true);
  });
}

function hoursOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_OVERLAP_HOURS;
  const hours = Number(text);
  if (text.trim() !== '' && Number.isFinite(hours) && hours >= 0) return hours;
  throw new AppError('usage', `--overlap-hours must be a number of hours (given: ${JSON.stringify(text)})`);
}
