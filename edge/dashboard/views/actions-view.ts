/** The buttons *sync now*, with its live progress, and *retry refused*. */
import { byId, onPress, setText } from '../../../shared/dashboard/elements.js';
import { failureOf } from '../../../shared/dashboard/page.js';
import { askJson } from '../../../shared/dashboard/requests.js';
import type { EdgePage } from '../edge-page.js';
import type { ReplicationLine } from '../node-answers.js';
import { replicate } from '../node-client.js';

export function useActions(page: EdgePage): void {
  onPress(byId('sync-now', HTMLButtonElement), () => syncNow(page));
  onPress(byId('retry', HTMLButtonElement), () => retryRefused(page));
}

async function syncNow(page: EdgePage): Promise<void> {
  const bar = byId('sync-bar', HTMLProgressElement);
  bar.hidden = false;
  bar.removeAttribute('value');
  tell('sync-result', runningOf(page, { event: 'progress', sent: 0, pending: 0 }));
  try {
    const result = await replicate((line) => {
      if (line.event === 'done') return;
      if (line.sent + line.pending > 0) bar.value = line.sent / (line.sent + line.pending);
      tell('sync-result', runningOf(page, line));
    });
    tell('sync-result', ...endOf(page, result));
  } catch (error) {
    tell('sync-result', failureOf(page, error), 'bad');
  } finally {
    bar.hidden = true;
  }
}

function runningOf({ words, formats }: EdgePage, { sent, pending, error }: ReplicationLine): string {
  const running = words.say('sync.running', { sent: formats.number(sent), pending: formats.number(pending) });
  return error ? `${running}. ${words.say('sync.trouble', { message: error.message })}` : running;
}

function endOf({ words, formats }: EdgePage, result: ReplicationLine | undefined): [text: string, className: string] {
  if (result?.ok) return [words.say('sync.done', { sent: formats.number(result.sent) }), 'good'];
  return [words.say('sync.failed', { message: result?.error?.message ?? words.say('page.unknown') }), 'bad'];
}

async function retryRefused(page: EdgePage): Promise<void> {
  const { words, formats } = page;
  tell('retry-result', words.say('data.retrying'));
  try {
    const answer = await askJson<{ released: number; quarantined: number }>('/v1/quarantine/retry', { method: 'POST' });
    const [released, quarantined] = [formats.number(answer.released), formats.number(answer.quarantined)];
    tell('retry-result', words.say('data.retried', { released, quarantined }), 'good');
  } catch (error) {
    tell('retry-result', failureOf(page, error), 'bad');
  }
}

function tell(id: string, text: string, className = ''): void {
  setText(id, text, className);
}
