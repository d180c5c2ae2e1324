/** Sends a document of one village to others: by name, by region, or to all of them. */
import { byId, element, onPress, setText } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { PushOutcome, ShownDocument } from '../fleet-answers.js';
import { authorHeaders, type FleetPage } from '../fleet-page.js';
import { fieldsOf } from '../registry-fields.js';

/** Villages that are named one by one in the result. */
const NAMED = 10;

export class PushDialog {
  readonly #page: FleetPage;
  readonly #dialog = byId('push', HTMLDialogElement);
  readonly #to = byId('push-to', HTMLSelectElement);
  readonly #names = byId('push-names', HTMLTextAreaElement);
  readonly #region = byId('push-region', HTMLInputElement);
  #shown: ShownDocument | undefined;

  constructor(page: FleetPage) {
    this.#page = page;
    onPress(byId('push-send', HTMLButtonElement), () => this.#send());
    onPress(byId('push-close', HTMLButtonElement), async () => this.#dialog.close());
    this.#to.addEventListener('change', () => this.#choose());
  }

  open(village: string, shown: ShownDocument): void {
    this.#shown = shown;
    const { words } = this.#page;
    const type = words.find(`type.${shown.type}`) ?? shown.type;
    setText('push-title', words.say('push.title', { document: `${type} ${shown.id}`, village }));
    setText('push-result', '');
    byId('push-failed', HTMLElement).replaceChildren();
    this.#choose();
    this.#dialog.showModal();
  }

  #choose(): void {
    byId('push-names-box', HTMLElement).hidden = this.#to.value !== 'names';
    byId('push-region-box', HTMLElement).hidden = this.#to.value !== 'region';
  }

  #selection(): 'all' | string[] | { region: string } {
    if (this.#to.value === 'all') return 'all';
    if (this.#to.value === 'region') return { region: this.#region.value.trim() };
    return this.#names.value.split(/[\s,;]+/).filter(Boolean);
  }

  async #send(): Promise<void> {
    const shown = this.#shown;
    if (!shown) return;
    const { words, formats } = this.#page;
    setText('push-result', words.say('push.sending'), '');
    byId('push-failed', HTMLElement).replaceChildren();
    const body = { villages: this.#selection(), doc: fieldsOf(shown) };
    const path = `/v1/registry/${encodeURIComponent(shown.type)}/${encodeURIComponent(shown.id)}`;
    try {
      const asked = { method: 'POST', body, headers: authorHeaders() };
      const { items } = await askJson<{ items: PushOutcome[] }>(path, asked);
      const failed = items.flatMap((one) => (one.ok ? [] : [one]));
      const values = { taken: formats.number(items.length - failed.length), failed: formats.number(failed.length) };
      setText('push-result', words.say('push.done', values), failed.length > 0 ? 'warning' : 'good');
      const told = failed
        .slice(0, NAMED)
        .map(({ village, error }) =>
          element('li', {}, words.say('page.pair', { name: village, value: error.message })),
        );
      byId('push-failed', HTMLElement).replaceChildren(...told);
    } catch (error) {
      setText('push-result', failureOf(this.#page, error), 'bad');
    }
  }
}
