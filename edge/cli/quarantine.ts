/** `solar-edge quarantine list|retry|release`: what the centre refused. */
import { Command } from 'commander';
import { EXIT, print } from '../../shared/cli.js';
import type { QuarantineItem } from '../push/quarantine-store.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

export function quarantineCommand(): Command {
  return new Command('quarantine')
    .description('documents the centre refused')
    .addCommand(listCommand())
    .addCommand(retryCommand())
    .addCommand(releaseCommand());
}

function listCommand(): Command {
  const command = new Command('list').description('show them with the reasons').option('--json', 'print JSON');
  return withEdgeOptions(command).action(async () => {
    const { items } = await openEdge(command, (client) => client.json<{ items: QuarantineItem[] }>('/v1/quarantine'));
    if (command.opts<{ json?: boolean }>().json) print(JSON.stringify({ items }));
    else if (items.length === 0) print('The quarantine is empty.');
    else for (const { id, reason, since, tries } of items) print(`${id}  ${reason}  (since ${since}, ${tries} tries)`);
    process.exitCode = EXIT.ok;
  });
}

function retryCommand(): Command {
  const command = new Command('retry').description('offer them to the centre again').option('--json', 'print JSON');
  return withEdgeOptions(command).action(async () => {
    const answer = await openEdge(command, (client) =>
      client.json<{ released: number; quarantined: number }>('/v1/quarantine/retry', { method: 'POST' }),
    );
    if (command.opts<{ json?: boolean }>().json) print(JSON.stringify(answer));
    else print(`The centre took ${answer.released}; ${answer.quarantined} remain in quarantine.`);
    process.exitCode = answer.quarantined === 0 ? EXIT.ok : EXIT.refused;
  });
}

function releaseCommand(): Command {
  const command = new Command('release')
    .description('give one up for good: it will never reach the centre')
    .argument('<id>', 'id of the document')
    .option('--json', 'print JSON');
  return withEdgeOptions(command).action(async (id: string) => {
    const answer = await openEdge(command, (client) =>
      client.json<{ released: string }>(`/v1/quarantine/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    );
    print(command.opts<{ json?: boolean }>().json ? JSON.stringify(answer) : `${answer.released} is given up.`);
    process.exitCode = EXIT.ok;
  });
}
