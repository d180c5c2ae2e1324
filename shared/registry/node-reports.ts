/** The nodes' own reports: one document for each node a village ever had, replaced whole, with no history and no trace. */
import { sameValue } from './canonical-json.js';
import { winnerOf } from './leaf-join.js';
import type { LeafStore } from './leaf-store.js';

export const REPORT_PREFIX = 'report:';

export type StoredReport = Record<string, unknown> & { node: string };

/** Where nothing but `at` would change nothing is written, and false is returned. */
export async function writeReport(leaves: LeafStore, node: string, report: object): Promise<boolean> {
  const id = `${REPORT_PREFIX}${node}`;
  const body: Record<string, unknown> = { type: 'report', node, ...report };
  const parent = winnerOf(await leaves.leaves(id));
  if (parent && !parent.deleted && sameValue({ ...parent.body, at: '' }, { ...body, at: '' })) return false;
  await leaves.put(id, parent, { deleted: false, body });
  return true;
}

/** The newest first. */
export async function readReports(leaves: LeafStore): Promise<StoredReport[]> {
  const found = await leaves.winners({ prefix: REPORT_PREFIX });
  const reports = found.map(({ id, body }) => ({ ...body, node: id.slice(REPORT_PREFIX.length) }));
  const at = (report: Record<string, unknown>) => String(report.at ?? '');
  return reports.sort((one, other) => (at(one) < at(other) ? 1 : -1));
}
