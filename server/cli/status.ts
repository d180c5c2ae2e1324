/**
 * `solar-central status`: is the centre there, can it use its store, and how are the villages, those first that need
 * somebody most. Exit code 1 when it is not ready.
 */
import type { Command } from 'commander';
import { AppError } from '../../shared/app-error.js';
import { print } from '../../shared/cli.js';
import { printColumns } from '../../shared/columns.js';
import type { ProgramClient } from '../../shared/http/client.js';
import { addFormat, printReport } from '../../shared/report-format.js';
import { byNeed, needOf } from '../analyst/need.js';
import type { VillageView } from '../analyst/village-view.js';
import { addClientOptions, adminClient } from './centre-client.js';

interface Status {
  url: string;
  version: string;
  villages: { total: number; silent: number; disabled: number };
  /** Documents not yet sent, as the villages' nodes reported. */
  pending: number;
  /** Registry documents that await a person. */
  openConflicts: number;
  /** Every village, the neediest first. */
  items: VillageRow[];
}

interface VillageRow {
  id: string;
  need: string;
  lastContactAt?: string;
  lastDocumentAt?: string;
  pending?: number;
  oldestPendingAt?: string;
  lost?: number;
  quarantined?: number;
  /** Missing numbers nobody has explained, as they were looked at last. */
  unexplained?: number;
  /** What of its numbers was not looked at. */
  missingPartly?: string;
  /** Documents of its registry that await a person. */
  openConflicts?: number;
  /** Codes of the alerts its node reported. */
  alerts: string[];
}

/** Villages that need nothing are counted, not listed. */
const MAX_SHOWN = 30;
/** Nobody has to do anything about these. */
const CALM: ReadonlySet<string> = new Set(['awaited', 'none', 'disabled']);

export function addStatus(program: Command): void {
  const command = program.command('status').description('tell how the running centre is');
  addClientOptions(command, addFormat).action(async () => {
    const status = await statusOf(adminClient(command));
    printReport(command, { people: () => printTables(status), json: status, csv: csvOf(status.items) });
  });
}

function printTables({ url, version, villages, pending, openConflicts, items }: Status): void {
  const { total, silent, disabled } = villages;
  print(`The centre at ${url} (${version}) is ready.`);
  print(`Villages: ${total}, of which silent ${silent}, disabled ${disabled}.`);
  print(`Not yet sent, as the villages reported: ${pending}. Open conflicts: ${openConflicts}.`);
  const needy = items.filter(({ need }) => !CALM.has(need));
  if (needy.length === 0) return;
  print('');
  const heads = ['VILLAGE', 'NEED', 'LAST CONTACT', 'PENDING', 'OLDEST PENDING', 'LOST', 'QUARANTINED'];
  const counted = (count: number | undefined) => String(count ?? '-');
  printColumns([
    [...heads, 'UNEXPLAINED', 'CONFLICTS', 'ALERTS'],
    ...needy
      .slice(0, MAX_SHOWN)
      .map((one) => [
        ...[one.id, one.need, one.lastContactAt ?? '-', counted(one.pending), one.oldestPendingAt ?? '-'],
        ...[counted(one.lost), counted(one.quarantined), counted(one.unexplained), counted(one.openConflicts)],
        one.alerts.join(' '),
      ]),
  ]);
  const partly = needy.flatMap(({ id, missingPartly }) => (missingPartly === undefined ? [] : [{ id, missingPartly }]));
  for (const { id, missingPartly } of partly.slice(0, MAX_SHOWN)) print(`Of ${id} not all is known: ${missingPartly}.`);
  if (needy.length > MAX_SHOWN) print(`… and ${needy.length - MAX_SHOWN} more; --format csv lists all of them.`);
}

const CSV_COLUMNS = [
  ...(['id', 'need', 'lastContactAt', 'lastDocumentAt', 'pending', 'oldestPendingAt'] as const),
  ...(['lost', 'quarantined', 'unexplained', 'openConflicts'] as const),
] as const;

function csvOf(items: readonly VillageRow[]): unknown[][] {
  return [
    [...CSV_COLUMNS.map((name) => (name === 'id' ? 'village' : name)), 'alerts'],
    ...items.map((one) => [...CSV_COLUMNS.map((name) => one[name]), one.alerts.join(' ')]),
  ];
}

function rowOf(view: VillageView): VillageRow {
  const {
    id,
    lastContactAt,
    lastDocumentAt,
    pending,
    oldestPendingAt,
    alerts = [],
    report,
    missing,
    missingPartly,
    openConflicts,
  } = view;
  const { lost, quarantined } = report?.accounted ?? {};
  return {
    ...{ id, need: needOf(view), alerts: alerts.map(({ code }) => code) },
    ...(lastContactAt === undefined ? {} : { lastContactAt }),
    ...(lastDocumentAt === undefined ? {} : { lastDocumentAt }),
    ...(pending === undefined ? {} : { pending }),
    ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
    ...(lost === undefined ? {} : { lost }),
    ...(quarantined === undefined ? {} : { quarantined }),
    ...(missing === undefined ? {} : { unexplained: missing.unexplained }),
    ...(missingPartly === undefined ? {} : { missingPartly }),
    ...(openConflicts === undefined ? {} : { openConflicts }),
  };
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
    pending: items.reduce((sum, one) => sum + (one.pending ?? 0), 0),
    openConflicts: items.reduce((sum, one) => sum + (one.openConflicts ?? 0), 0),
    items: [...items].sort(byNeed).map(rowOf),
  };
}
