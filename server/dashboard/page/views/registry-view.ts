/** A village's registry: its documents with their history; with buttons to edit, add, delete and send for admins. */
import { byId, element, onPress, setText } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { ShownDocument, ShownTrace } from '../fleet-answers.js';
import { type Visitor, villagePath } from '../fleet-page.js';
import { fieldsOf, TYPES } from '../registry-fields.js';
import type { DocumentEditor } from './document-editor.js';
import type { PushDialog } from './push-dialog.js';

export class RegistryView {
  readonly #visitor: Visitor;
  readonly #editor: DocumentEditor;
  readonly #push: PushDialog;
  /** Documents whose history is open. */
  readonly #open = new Set<string>();
  #village = '';
  #shown = '';

  constructor(visitor: Visitor, editor: DocumentEditor, push: PushDialog) {
    this.#visitor = visitor;
    this.#editor = editor;
    this.#push = push;
    const add = byId('registry-add', HTMLElement);
    add.hidden = !visitor.mayEdit;
    if (!visitor.mayEdit) return;
    for (const type of TYPES) {
      const words = visitor.page.words.say('registry.add', { type: visitor.page.words.say(`type.${type}`) });
      const button = element('button', { type: 'button', 'data-type': type, class: 'plain' }, words);
      onPress(button, async () => editor.openNew(this.#village, type));
      add.append(button);
    }
  }

  /** Another village's documents, and the buttons that edit them, must not stand under this one's name. */
  open(village: string): void {
    this.#village = village;
    this.#open.clear();
    this.#shown = '';
    setText('registry-text', '');
    byId('registry-list', HTMLElement).replaceChildren();
  }

  async refresh(): Promise<void> {
    const village = this.#village;
    const { items } = await askJson<{ items: ShownDocument[] }>(`${villagePath(village)}/registry`);
    if (village !== this.#village) return;
    const text = JSON.stringify([village, items]);
    if (text === this.#shown) return;
    this.#shown = text;
    const { words } = this.#visitor.page;
    setText('registry-text', items.length === 0 ? words.say('registry.none') : '');
    const list = byId('registry-list', HTMLElement);
    const focused = list.contains(document.activeElement) ? document.activeElement?.id : undefined;
    list.replaceChildren(...items.map((one) => this.#cardOf(one)));
    if (focused !== undefined && focused !== '') document.getElementById(focused)?.focus();
  }

  #cardOf(shown: ShownDocument): HTMLElement {
    const { page, mayEdit } = this.#visitor;
    const { words, formats } = page;
    const type = words.find(`type.${shown.type}`) ?? shown.type;
    const values = Object.entries(fieldsOf(shown)).map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, formats.value(value))),
    );
    const time = page.time(shown.editedAt || undefined, words.say('page.unknown'));
    const by = element('p', { class: 'quiet' }, words.say('registry.by', { author: shown.author, time }));
    const buttons = mayEdit ? [this.#buttons(shown, `${type} ${shown.id}`)] : [];
    const open = shown.conflicts ? [element('p', { class: 'bad' }, words.say('registry.conflict'))] : [];
    return element(
      'div',
      { class: 'version' },
      element('h3', {}, `${type} ${shown.id}`),
      ...open,
      element('dl', {}, ...values),
      by,
      this.#historyOf(shown),
      ...buttons,
    );
  }

  #buttons(shown: ShownDocument, name: string): HTMLElement {
    const { words } = this.#visitor.page;
    const button = (what: 'edit' | 'push', work: () => void) => {
      const word = words.say(`registry.${what}`);
      const attributes = {
        type: 'button',
        id: `${what}-${shown._id}`,
        'aria-label': words.say('page.pair', { name: word, value: name }),
        class: 'plain',
      };
      const made = element('button', attributes, word);
      onPress(made, async () => work());
      return made;
    };
    const edit = button('edit', () => void this.#editor.open(this.#village, shown));
    return element(
      'div',
      { class: 'row' },
      edit,
      button('push', () => this.#push.open(this.#village, shown)),
    );
  }

  #historyOf(shown: ShownDocument): HTMLElement {
    const { words } = this.#visitor.page;
    const list = element('ul', {});
    const summary = element('summary', { id: `history-${shown._id}` }, words.say('registry.history'));
    const details = element('details', {}, summary, list);
    details.addEventListener('toggle', () => {
      if (!details.open) this.#open.delete(shown._id);
      else {
        this.#open.add(shown._id);
        void this.#readHistory(shown, list);
      }
    });
    details.open = this.#open.has(shown._id);
    return details;
  }

  async #readHistory({ type, id }: ShownDocument, list: HTMLElement): Promise<void> {
    const { page } = this.#visitor;
    const path = `${villagePath(this.#village)}/registry/${encodeURIComponent(type)}/${encodeURIComponent(id)}/history`;
    try {
      const { items } = await askJson<{ items: ShownTrace[] }>(`${path}?limit=50`);
      list.replaceChildren(...items.map((trace) => element('li', {}, this.#traceOf(trace))));
    } catch (error) {
      list.replaceChildren(element('li', { class: 'bad' }, failureOf(page, error)));
    }
  }

  #traceOf({ kind, authors, at, changes }: ShownTrace): string {
    const { page } = this.#visitor;
    const { words, formats } = page;
    const changed = Object.entries(changes).map(([name, { from, to }]) => {
      const value = (one: unknown) => (one === undefined ? '–' : formats.value(one));
      return words.say('page.pair', { name, value: `${value(from)} → ${value(to)}` });
    });
    const what = words.find(`trace.${kind}`) ?? kind;
    const who = `${page.time(at, '')}, ${authors.join(', ')}`;
    return `${words.say('page.pair', { name: who, value: what })}. ${changed.join('; ')}`;
  }
}
