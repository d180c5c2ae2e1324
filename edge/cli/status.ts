/** `solar-edge status`: what `GET /v1/status` answers, as text for people or as JSON. */
import { Command } from 'commander';
import { EXIT, print } from '../../shared/cli.js';
import type { NodeStatus } from '../api/status.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

export function statusCommand(): Command {
  const command = new Command('status')
    .description('where the data is, what the link does, and what a person should know')
    .option('--json', 'print what GET /v1/status answers');
  return withEdgeOptions(command).action(async () => {
    const status = await openEdge(command, (client) => client.json<NodeStatus>('/v1/status'));
    print(command.opts<{ json?: boolean }>().json ? JSON.stringify(status) : textOf(status));
    process.exitCode = EXIT.ok;
  });
}

function textOf({ village, node, version, clock, store, link, sync, alerts }: NodeStatus): string {
  const rows: [string, string][] = [
    ['village', `${village} (node ${node}, version ${version}, clock ${clock})`],
    ['pending', `${store.pending} documents${store.oldestPendingAt ? `, the oldest of ${store.oldestPendingAt}` : ''}`],
    [
      'stored',
      `number ${store.lastSeq}, ${store.segments} segments, ${megabytes(store.bytes)} (${store.usedPct} % of what is allowed)`,
    ],
    ['quarantine', `${store.quarantined} documents`],
    ['lost', `${store.lost} documents`],
    ['link', `${link.state} since ${link.since}${link.lastError ? `; last failure: ${link.lastError.message}` : ''}`],
    [
      'sync',
      `${sync.state} (${sync.mode}); last success ${sync.lastSuccessAt ?? 'never'}; next forced ${sync.nextScheduledAt ?? 'not scheduled'}`,
    ],
    ['sent', `${sync.docsSent} documents, ${megabytes(sync.bytesSent)}`],
    ...alerts.map((alert): [string, string] => [`${alert.severity}`, `${alert.message} (since ${alert.since})`]),
  ];
  return rows.map(([name, text]) => `${name.padEnd(11)} ${text}`).join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}
