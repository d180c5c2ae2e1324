/** A forced replication, line by line. */
import { ask } from '../../shared/dashboard/requests.js';
import type { ReplicationLine } from './node-answers.js';

/** Each line as it comes, the last one as the result; undefined where it broke off. */
export async function replicate(onLine: (line: ReplicationLine) => void): Promise<ReplicationLine | undefined> {
  const response = await ask('/v1/replicate', { method: 'POST', body: {} });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let last: ReplicationLine | undefined;
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    const lines = (text + read.value).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      last = JSON.parse(line) as ReplicationLine;
      if (last.event !== undefined) onLine(last);
    }
  }
  return last?.event === 'done' ? last : undefined;
}
