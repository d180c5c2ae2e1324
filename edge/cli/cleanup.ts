/** `solar-edge cleanup`: deletes what the rules allow now, and says what that freed and why the rest is kept. */
import { Command } from 'commander';
import { EXIT, print, printError } from '../../shared/cli.js';
import type { CleanupReport } from '../ledger/space-keeper.js';
import { openEdge, withEdgeOptions } from './edge-access.js';

export function cleanupCommand(): Command {
  const command = new Command('cleanup')
    .description('delete what the centre has confirmed and what is due, and tell what that freed')
    .option('--all-confirmed', 'delete every confirmed segment, whatever its age')
    .option('--json', 'print what POST /v1/cleanup answers');
  return withEdgeOptions(command).action(async () => {
    const { allConfirmed = false, json = false } = command.opts<{ allConfirmed?: boolean; json?: boolean }>();
    const report = await openEdge(command, (client) =>
      client.json<CleanupReport>('/v1/cleanup', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ allConfirmed }),
      }),
    );
    for (const { segment, message } of report.failed ?? []) {
      printError(`segment ${segment} could not be deleted and is tried again: ${message}`);
    }
    print(json ? JSON.stringify(report) : textOf(report));
    process.exitCode = report.failed ? EXIT.unfinished : EXIT.ok;
  });
}

function textOf({ segments, documents, bytes, usedBytes, kept }: CleanupReport): string {
  const freed =
    segments === 0
      ? 'Nothing was deleted'
      : `${count(segments, 'segment')} with ${count(documents, 'document')} deleted, ${megabytes(bytes)} freed`;
  const reasons = [
    ...(kept.unconfirmed > 0 ? [`${number(kept.unconfirmed)} not confirmed by the centre`] : []),
    ...(kept.notDue > 0 ? [`${number(kept.notDue)} confirmed but not due`] : []),
    ...(kept.open > 0 ? [`${number(kept.open)} open for writing`] : []),
  ];
  const sentences = [`${freed}.`, `The store takes ${megabytes(usedBytes)}.`];
  if (reasons.length > 0) sentences.push(`Segments kept: ${reasons.join(', ')}.`);
  return sentences.join('\n');
}

function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}
