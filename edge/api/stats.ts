/** `GET /v1/stats`: what the node has done, in all and day by day, and where the data is now. */
import type { RequestHandler } from 'express';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import { type Figures, UNSURE_DAY } from '../monitor/stats/stats-book.js';
import type { NodeParts } from '../node-parts.js';

export interface NodeStats {
  village: string;
  node: string;
  /** When counting began, a canonical instant. */
  since: string;
  now: { pending: number; oldestPendingAt?: string; quarantined: number; lost: number; confirmed: number };
  totals: Figures;
  /** By UTC day, the last 60 there were; `unsure` is what was counted while the clock could not be believed. */
  days: ({ day: string } & Figures)[];
}

export function getStats(parts: NodeParts): RequestHandler {
  return async (request, response) => {
    refuseParameters(request.query);
    response.json(await statsOf(parts));
  };
}

async function statsOf({ config, ledger, quarantine, stats }: NodeParts): Promise<NodeStats> {
  stats.count();
  const oldestPendingAt = await ledger.oldestPendingAt().catch(() => undefined);
  const { since, totals, days } = stats.kept;
  const { [UNSURE_DAY]: unsure, ...dated } = days;
  const sorted = Object.entries(dated).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...{ village: config.VILLAGE_ID, node: ledger.node, since },
    now: {
      pending: ledger.pending,
      ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
      ...{ quarantined: quarantine.count, lost: ledger.lost, confirmed: ledger.confirmed },
    },
    totals,
    days: [...sorted, ...(unsure ? [[UNSURE_DAY, unsure] as const] : [])].map(([day, figures]) => ({
      day,
      ...figures,
    })),
  };
}
