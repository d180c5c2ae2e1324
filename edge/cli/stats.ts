/** `solar-edge stats`: what the node has done, in all and day by day, for people, as JSON or as CSV. */
import { Command } from 'commander';
import { EXIT, print } from '../../shared/cli.js';
import { printColumns } from '../../shared/columns.js';
import { addFormat, printReport } from '../../shared/report-format.js';
import type { NodeStats } from '../api/stats.js';
import type { Figures } from '../monitor/stats/stats-book.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

const COUNTS = ['acknowledged', 'sent', 'refused', 'bytesSent', 'bytesReceived', 'batches'] as const;

export function statsCommand(): Command {
  const command = addFormat(new Command('stats')).description('what the node has done, in all and day by day');
  return withEdgeOptions(command).action(async () => {
    const stats = await openEdge(command, (client) => client.json<NodeStats>('/v1/stats'));
    printReport(command, { people: () => printTables(stats), json: stats, csv: csvOf(stats) });
    process.exitCode = EXIT.ok;
  });
}

function printTables({ village, node, since, now, totals, days }: NodeStats): void {
  print(`Village ${village}, node ${node}, counted since ${since}.`);
  const oldest = now.oldestPendingAt === undefined ? '' : `, the oldest of ${now.oldestPendingAt}`;
  print(`Now pending ${now.pending}${oldest}; quarantined ${now.quarantined}, lost ${now.lost}.`);
  print(`Proven to be at the centre: ${now.confirmed}.`);
  print('');
  printColumns([
    ['DAY (UTC)', 'ACKNOWLEDGED', 'SENT', 'REFUSED', 'MB SENT', 'MB RECEIVED', 'BATCHES', 'PUSHES OK', 'FAILED'],
    ...days.map((day) => rowOf(day.day, day)),
    rowOf('all', totals),
  ]);
  const failures = Object.entries(totals.attempts).filter(([result]) => result !== 'ok');
  if (failures.length === 0) return;
  print('');
  print(`Failed pushes: ${failures.map(([tag, count]) => `${tag} ${count}`).join(', ')}.`);
}

function rowOf(name: string, figures: Figures): string[] {
  const { acknowledged, sent, refused, bytesSent, bytesReceived, batches, attempts } = figures;
  const { ok = 0 } = attempts;
  const failed = Object.values(attempts).reduce((sum, count) => sum + count, 0) - ok;
  const megabytes = [bytesSent, bytesReceived].map((bytes) => (bytes / 1_000_000).toFixed(3));
  return [name, ...[acknowledged, sent, refused].map(String), ...megabytes, ...[batches, ok, failed].map(String)];
}

/** A row for each day and one, `all`, for all of them; a column for each way in which a push ended. */
function csvOf({ totals, days }: NodeStats): unknown[][] {
  const results = Object.keys(totals.attempts).sort();
  const row = (name: string, figures: Figures) => [
    name,
    ...COUNTS.map((count) => figures[count]),
    ...results.map((result) => figures.attempts[result] ?? 0),
  ];
  return [
    ['day', ...COUNTS, ...results.map((result) => `attempts_${result}`)],
    ...days.map((day) => row(day.day, day)),
    row('all', totals),
  ];
}
