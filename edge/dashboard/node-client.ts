/** A forced replication, line by line. */
import { ask, linesOf } from '../../shared/dashboard/requests.js';
import type { ReplicationLine } from './node-answers.js';

/** Each line as it comes, the last one as the result; undefined where it broke off. */
export async function replicate(onLine: (line: ReplicationLine) => void): Promise<ReplicationLine | undefined> {
  const response = await ask('/v1/replicate', { method: 'POST', body: {} });
  let last: ReplicationLine | undefined;
  for await (const line of linesOf(response)) {
    last = JSON.parse(line) as ReplicationLine;
    if (last.event !== undefined) onLine(last);
  }
  return last?.event === 'done' ? last : undefined;
}
