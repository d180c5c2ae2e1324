/** `solar-edge status`: what `GET /v1/status` answers, as a table for people, as JSON or as CSV. */
import { Command } from 'commander';
import { EXIT, print } from '../../shared/cli.js';
import { addFormat, flatRows, printReport } from '../../shared/report-format.js';
import type { NodeStatus } from '../api/status.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

export function statusCommand(): Command {
  const command = addFormat(new Command('status')).description(
    'where the data is, what the link does, and what a person should know',
  );
  return withEdgeOptions(command).action(async () => {
    const status = await openEdge(command, (client) => client.json<NodeStatus>('/v1/status'));
    const csv = [['name', 'value'], ...flatRows(status)];
    printReport(command, { people: () => print(textOf(status)), json: status, csv });
    process.exitCode = EXIT.ok;
  });
}

function textOf({ village, node, version, clock, store, link, sync, registry, alerts }: NodeStatus): string {
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
      `${sync.state} (${sync.mode}); last success ${sync.lastSuccessAt ?? 'never'}; next forced ${sync.nextForcedAt ?? 'not scheduled'}`,
    ],
    ['sent', `${sync.docsSent} documents, ${megabytes(sync.bytesSent)}`],
    [
      'registry',
      `${registry.state}; ${registry.pendingEdits} edits pending, ${registry.refused} documents refused; last the same as the centre's ${registry.lastSyncAt ?? 'never'}`,
    ],
    ...alerts.map((alert): [string, string] => [`${alert.severity}`, `${alert.message} (since ${alert.since})`]),
  ];
  return rows.map(([name, text]) => `${name.padEnd(11)} ${text}`).join('\n');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}
