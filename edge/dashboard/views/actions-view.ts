/** The buttons *sync now*, with its live progress, and *retry refused*. */
import { byId, onPress, setText } from '../../../shared/dashboard/elements.js';
import { NoAnswer } from '../../../shared/dashboard/no-answer.js';
import { failureOf } from '../../../shared/dashboard/page.js';
import { askJson } from '../../../shared/dashboard/requests.js';
import type { EdgePage } from '../edge-page.js';
import type { ReplicationLine } from '../node-answers.js';
import { replicate } from '../node-client.js';

type Result = 'sync-result' | 'retry-result';

export class ActionsView {
  readonly #page: EdgePage;
  /** Where it says that nothing answered. */
  readonly #unanswered = new Set<Result>();

  constructor(page: EdgePage) {
    this.#page = page;
    onPress(byId('sync-now', HTMLButtonElement), () => this.#syncNow());
    onPress(byId('retry', HTMLButtonElement), () => this.#retryRefused());
  }

  /** The node answers again: that it did not is no news any more. */
  forgetUnanswered(): void {
    for (const id of this.#unanswered) this.#tell(id, '');
  }

  async #syncNow(): Promise<void> {
    const bar = byId('sync-bar', HTMLProgressElement);
    bar.hidden = false;
    bar.removeAttribute('value');
    this.#tell('sync-result', runningOf(this.#page, { event: 'progress', sent: 0, pending: 0 }));
    try {
      const result = await replicate((line) => {
        if (line.event === 'done') return;
        if (line.sent + line.pending > 0) bar.value = line.sent / (line.sent + line.pending);
        this.#tell('sync-result', runningOf(this.#page, line));
      });
      this.#tell('sync-result', ...endOf(this.#page, result));
    } catch (error) {
      this.#tellFailure('sync-result', error);
    } finally {
      bar.hidden = true;
    }
  }

  async #retryRefused(): Promise<void> {
    const { words, formats } = this.#page;
    this.#tell('retry-result', words.say('data.retrying'));
    try {
      const asked = { method: 'POST' };
      const answer = await askJson<{ released: number; quarantined: number }>('/v1/quarantine/retry', asked);
      const [released, quarantined] = [formats.number(answer.released), formats.number(answer.quarantined)];
      this.#tell('retry-result', words.say('data.retried', { released, quarantined }), 'good');
    } catch (error) {
      this.#tellFailure('retry-result', error);
    }
  }

  #tellFailure(id: Result, error: unknown): void {
    this.#tell(id, failureOf(this.#page, error), 'bad');
    if (error instanceof NoAnswer) this.#unanswered.add(id);
  }

  #tell(id: Result, text: string, className = ''): void {
    this.#unanswered.delete(id);
    setText(id, text, className);
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
