/**
 * What becomes of an embedded store's databases when their files are damaged: whole entries stay, everything derived is
 * made anew, and what was lost is logged. See `docs/architecture.md`.
 */
import path from 'node:path';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { LargeDatabase, RepairOrReplace } from '../../shared/open-or-repair.js';
import type { Database } from '../../shared/pouchdb.js';
import type { RebuildPlan, RebuildResult } from '../../shared/streamed-rebuild.js';
import type { Clock } from '../../shared/time.js';
import { writeCreated } from './database-created.js';
import { forgetLocalDocuments } from './embedded-local-documents.js';

/** A request waits so long for a repair; a small store needs no more. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 30_000;

export interface EmbeddedRepairOptions {
  /** Of the store; damaged files are set aside in `damaged/` below it. */
  folder: string;
  clock: Clock;
  log: Logger;
  /** Ends a repair, which goes on at the next start. */
  signal: AbortSignal;
}

/**
 * Telemetry: what is whole stays; checkpoints go, since they tell of documents that may be lost, and the index of numbers
 * is made anew. `onRepaired` hears of it before anybody else sees the database.
 */
export function telemetryRepair(
  options: EmbeddedRepairOptions,
  onRepaired: (database: Database) => Promise<void>,
): RepairOrReplace {
  const { log } = options;
  const plan: RebuildPlan = { keepsLocal: false, leftOut: ['number-places'], outdated: 'restore' };
  const onRebuilt = (result: RebuildResult) =>
    log.error(
      'the damaged telemetry was rebuilt; what was lost is asked of the nodes, which send what they still have',
      {
        documents: result.documents,
        lostAtLeast: lostDocuments(result),
      },
    );
  return repairOf('telemetry', options, { plan, onRebuilt }, onRepaired);
}

/**
 * Villages: a village of which the newest record is lost is forgotten, not set back: the credential or the permission in
 * an older record may have been withdrawn.
 */
export function villagesRepair(options: EmbeddedRepairOptions): RepairOrReplace {
  const { log } = options;
  const plan: RebuildPlan = { keepsLocal: true, leftOut: [], outdated: 'forget' };
  const onRebuilt = ({ documents, outdated, bodies, highest }: RebuildResult) =>
    log.error(
      'the damaged database of villages was rebuilt; add again the villages that are missing (`solar-central village ' +
        'list` names those there are), and look whether those disabled or given new credentials lately still are so',
      { villages: documents, forgotten: outdated, changesLost: highest - bodies },
    );
  return repairOf('villages', options, { plan, onRebuilt }, async () => {});
}

/**
 * The registry of a village: small, so that it is repaired at once. Checkpoints go and it counts as made anew, whereupon
 * nodes compare everything and bring back what they still have.
 */
export function registryRepair(
  { folder, clock, log }: Omit<EmbeddedRepairOptions, 'signal'>,
  village: string,
): RepairOrReplace {
  return {
    ...{ action: 'repair-or-replace', damagedFolder: path.join(folder, 'damaged', 'registry') },
    now: () => clock.now(),
    onMended: async (mending, database) => {
      await forgetLocalDocuments(database);
      await writeCreated(database, clock.now());
      log.error(
        'the registry of a village was damaged and has been mended; edits made here that had not reached the village may be missing',
        { village, ...mending },
      );
    },
  };
}

function repairOf(
  name: string,
  { folder, clock, log, signal }: EmbeddedRepairOptions,
  how: Pick<LargeDatabase, 'plan' | 'onRebuilt'>,
  onRepaired: (database: Database) => Promise<void>,
): RepairOrReplace {
  return {
    action: 'repair-or-replace',
    damagedFolder: path.join(folder, 'damaged'),
    now: () => clock.now(),
    onMended: async ({ outcome, reason, setAside }, database) => {
      await onRepaired(database);
      log.error(`the database ${name} was damaged and has been ${outcome}`, {
        reason,
        ...(setAside === undefined ? {} : { setAside }),
      });
    },
    large: {
      ...{ ...how, signal, patienceMs: PATIENCE_MS, retryMs: RETRY_MS },
      onBegin: (reason) =>
        log.error(`the database ${name} is damaged and is being repaired; 503 until then`, { reason }),
      onFailed: (error) => log.error(`the database ${name} could not be repaired`, { error: messageOf(error) }),
    },
  };
}

/** Sequences follow each other without gaps until something is lost; counters may be older than what was lost. */
function lostDocuments({ documents, counted = 0 }: RebuildResult): number {
  return Math.max(0, counted - documents);
}
