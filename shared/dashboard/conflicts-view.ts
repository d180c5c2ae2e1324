/** What was changed on both sides at once: each side's values, author and time, and the choice between them. */
import { byId, element, onPress, setText } from './elements.js';
import { failureOf, type Page } from './page.js';
import { ask, askJson } from './requests.js';

export interface ShownConflict {
  _id: string;
  type: string;
  id: string;
  fields: Record<string, unknown>;
  versions: ShownVersion[];
}

export interface ShownVersion {
  rev: string;
  author: string;
  at: string;
  deleted: boolean;
  doc?: Record<string, unknown>;
}

type ConflictWord =
  | `conflicts.${'none' | 'explain' | 'by' | 'deleted' | 'removed' | 'keep' | 'settled'}`
  | 'page.unknown'
  | 'error.request'
  | 'error.noAnswer';

export interface ConflictsOptions {
  /** Where they are listed, and where one of them is settled. */
  listPath: string;
  settlePath: string;
  /** False for those who may look only. */
  canSettle: boolean;
  /** Of a settlement. */
  headers?(): Readonly<Record<string, string>>;
  onSettled?(): void;
}

/** Stands for a deletion among the fields. */
const DELETION = '_deleted';

export class ConflictsView {
  readonly #page: Page<ConflictWord>;
  readonly #options: ConflictsOptions;
  #shown = '';
  #isClosed = false;

  constructor(page: Page<ConflictWord>, options: ConflictsOptions) {
    this.#page = page;
    this.#options = options;
  }

  /** Others are to be shown in this place: what is still being asked for is not shown any more. */
  close(): void {
    this.#isClosed = true;
    for (const id of ['conflicts-text', 'conflicts-result']) setText(id, '');
    byId('conflicts-list', HTMLElement).replaceChildren();
  }

  /** Asks for them and shows them; leaves them as they are where nothing changed, keyboard and all. */
  async refresh(): Promise<void> {
    const { items } = await askJson<{ items: ShownConflict[] }>(this.#options.listPath);
    const text = JSON.stringify(items);
    if (this.#isClosed || text === this.#shown) return;
    this.#shown = text;
    setText('conflicts-text', this.#page.words.say(items.length === 0 ? 'conflicts.none' : 'conflicts.explain'));
    byId('conflicts-list', HTMLElement).replaceChildren(...items.map((one) => this.#cardOf(one)));
  }

  #cardOf(conflict: ShownConflict): HTMLElement {
    const type = this.#page.words.find(`type.${conflict.type}`) ?? conflict.type;
    const versions = conflict.versions.map((version) => this.#versionOf(conflict, version));
    return element('div', {}, element('h3', {}, `${type} ${conflict.id}`), ...versions);
  }

  #versionOf(conflict: ShownConflict, version: ShownVersion): HTMLElement {
    const { words } = this.#page;
    const time = this.#page.time(version.at || undefined, words.say('page.unknown'));
    const by = words.say('conflicts.by', { author: version.author, time });
    const values = version.deleted
      ? [element('p', { class: 'bad' }, words.say('conflicts.deleted'))]
      : [element('dl', {}, ...this.#valuesOf(conflict, version))];
    const choice = this.#options.canSettle ? [this.#choiceOf(conflict, version, by)] : [];
    return element('div', { class: 'version' }, element('p', { class: 'quiet' }, by), ...values, ...choice);
  }

  #choiceOf(conflict: ShownConflict, version: ShownVersion, by: string): HTMLElement {
    const { words } = this.#page;
    const said = version.deleted ? words.say('conflicts.deleted') : by;
    const label = `${words.say('conflicts.keep')} (${conflict.id}, ${said})`;
    const button = element('button', { type: 'button', 'aria-label': label }, words.say('conflicts.keep'));
    onPress(button, () => this.#settle(conflict, version.rev));
    return button;
  }

  #valuesOf({ fields }: ShownConflict, { doc = {} }: ShownVersion): HTMLElement[] {
    const { words, formats } = this.#page;
    const contested = Object.keys(fields).filter((name) => name !== DELETION);
    // A deletion stands against the whole document.
    const names = contested.length === 0 ? Object.keys(doc) : contested;
    return names.map((name) => {
      const value = Object.hasOwn(doc, name) ? formats.value(doc[name]) : words.say('conflicts.removed');
      return element('div', {}, element('dt', {}, name), element('dd', {}, value));
    });
  }

  async #settle({ type, id }: ShownConflict, keep: string): Promise<void> {
    const { settlePath, headers = () => ({}), onSettled } = this.#options;
    try {
      const path = `${settlePath}/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
      await ask(path, { method: 'POST', body: { keep }, headers: headers() });
      await this.refresh();
      setText('conflicts-result', this.#page.words.say('conflicts.settled'), 'good');
      // The button that was pressed is gone.
      byId('conflicts-title', HTMLElement).focus();
      onSettled?.();
    } catch (error) {
      setText('conflicts-result', failureOf(this.#page, error), 'bad');
    }
  }
}
