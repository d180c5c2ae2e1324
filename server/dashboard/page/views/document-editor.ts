/**
 * A registry document in a dialog. What is typed stays typed: no refresh touches it, and where somebody else has changed the
 * document meanwhile that is told with their values, and saving again is a decision.
 */
import { byId, element, onPress, setText, show } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { ask, askJson, Refusal } from '../../../../shared/dashboard/requests.js';
import type { ShownDocument } from '../fleet-answers.js';
import { authorHeaders, authorName, type FleetPage, keepAuthorName, villagePath } from '../fleet-page.js';
import { differences, documentOf, type EditedField, editedFields, fieldsOf } from '../registry-fields.js';

const OUTRUN: ReadonlySet<number> = new Set([412, 428]);

interface Edited {
  village: string;
  type: string;
  /** As it was read; undefined for a new one. */
  read: ShownDocument | undefined;
}

export class DocumentEditor {
  readonly #page: FleetPage;
  readonly #onSaved: () => void;
  readonly #dialog = byId('editor', HTMLDialogElement);
  readonly #fields = byId('editor-fields', HTMLElement);
  readonly #id = byId('editor-id', HTMLInputElement);
  readonly #author = byId('editor-author', HTMLInputElement);
  #edited: Edited | undefined;
  #before = '';
  #isSure = false;

  constructor(page: FleetPage, onSaved: () => void) {
    this.#page = page;
    this.#onSaved = onSaved;
    byId('editor-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#save();
    });
    onPress(byId('editor-cancel', HTMLButtonElement), async () => this.#leave());
    onPress(byId('editor-discard', HTMLButtonElement), async () => this.#dialog.close());
    onPress(byId('editor-delete', HTMLButtonElement), () => this.#delete());
    onPress(byId('editor-add', HTMLButtonElement), async () => this.#addField());
    // The key Escape.
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.#leave();
    });
  }

  /** Reads it again first: what stands in the list may be old. */
  async open(village: string, shown: ShownDocument): Promise<void> {
    const read = await this.#read(village, shown.type, shown.id).catch(() => shown);
    this.#show({ village, type: shown.type, read: read ?? shown });
  }

  openNew(village: string, type: string): void {
    this.#show({ village, type, read: undefined });
  }

  #show(edited: Edited): void {
    this.#edited = edited;
    const { type, read } = edited;
    const { words } = this.#page;
    const name = words.find(`type.${type}`) ?? type;
    setText('editor-title', read ? `${name} ${read.id}` : words.say('registry.add', { type: name }));
    setText('editor-result', '');
    this.#id.value = read?.id ?? (type === 'profile' ? 'profile' : '');
    this.#id.readOnly = read !== undefined;
    this.#author.value = authorName();
    this.#fields.replaceChildren(...editedFields(type, read).map((field) => this.#inputOf(field)));
    show('editor-delete', read !== undefined);
    show('editor-discard', false);
    this.#before = this.#typed();
    this.#isSure = false;
    this.#dialog.showModal();
  }

  #inputOf({ name, kind, text }: EditedField): HTMLElement {
    const id = `field-${name}`;
    const inputmode = kind === 'number' ? 'decimal' : 'text';
    const input = element('input', { id, inputmode, 'data-name': name, 'data-kind': kind, autocomplete: 'off' });
    input.value = text;
    return element('div', {}, element('label', { for: id }, kind === 'json' ? `${name} (JSON)` : name), input);
  }

  #addField(): void {
    const name = byId('editor-new', HTMLInputElement);
    const wanted = name.value.trim();
    if (wanted === '' || this.#inputs().some((input) => input.dataset.name === wanted)) {
      name.focus();
      return;
    }
    const made = this.#inputOf({ name: wanted, kind: 'text', text: '' });
    this.#fields.append(made);
    name.value = '';
    made.querySelector('input')?.focus();
  }

  #inputs(): HTMLInputElement[] {
    return [...this.#fields.querySelectorAll('input')];
  }

  #typed(): string {
    return JSON.stringify([this.#id.value, ...this.#inputs().map(({ value }) => value)]);
  }

  #leave(): void {
    if (this.#typed() === this.#before) {
      this.#dialog.close();
      return;
    }
    setText('editor-result', this.#page.words.say('editor.unsaved'), 'warning');
    show('editor-discard', true);
    byId('editor-discard', HTMLButtonElement).focus();
  }

  async #save(): Promise<void> {
    const edited = this.#edited;
    if (!edited) return;
    keepAuthorName(this.#author.value);
    const { words } = this.#page;
    try {
      const fields = this.#inputs().map(({ dataset: { name = '', kind }, value: text }): EditedField => {
        return { name, text, kind: kind === 'number' || kind === 'json' ? kind : 'text' };
      });
      const body = documentOf(fields, (problem, field) => words.say(`editor.${problem}`, { field }));
      await ask(this.#path(edited), { method: 'PUT', body, headers: this.#headers(edited) });
      this.#done();
    } catch (error) {
      if (error instanceof Refusal && OUTRUN.has(error.status)) await this.#tellOutrun(edited);
      else setText('editor-result', failureOf(this.#page, error), 'bad');
    }
  }

  async #delete(): Promise<void> {
    const edited = this.#edited;
    if (!edited) return;
    if (!this.#isSure) {
      this.#isSure = true;
      setText('editor-result', this.#page.words.say('editor.sure'), 'warning');
      return;
    }
    try {
      await ask(this.#path(edited), { method: 'DELETE', headers: this.#headers(edited) });
      this.#done();
    } catch (error) {
      if (error instanceof Refusal && OUTRUN.has(error.status)) await this.#tellOutrun(edited);
      else setText('editor-result', failureOf(this.#page, error), 'bad');
    }
  }

  #done(): void {
    this.#dialog.close();
    this.#onSaved();
  }

  /** Somebody was quicker: what they wrote is told, and what was typed can be saved over it. */
  async #tellOutrun(edited: Edited): Promise<void> {
    const { words, formats } = this.#page;
    const there = await this.#read(edited.village, edited.type, this.#id.value).catch(() => undefined);
    const before = fieldsOf(edited.read ?? {});
    const now = fieldsOf(there ?? {});
    this.#edited = { ...edited, read: there };
    this.#isSure = false;
    if (!there) {
      setText('editor-result', words.say('editor.gone'), 'warning');
      return;
    }
    const changes = differences(before, now).map(
      (name) => `${name}: ${Object.hasOwn(now, name) ? formats.value(now[name]) : '–'}`,
    );
    const time = this.#page.time(there.editedAt || undefined, words.say('page.unknown'));
    const values = { author: there.author, time, changes: changes.join('; ') };
    setText('editor-result', words.say('editor.outrun', values), 'warning');
  }

  async #read(village: string, type: string, id: string): Promise<ShownDocument | undefined> {
    try {
      return await askJson<ShownDocument>(this.#path({ village, type, read: undefined }, id));
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return undefined;
      throw error;
    }
  }

  #path({ village, type, read }: Edited, id = read?.id ?? this.#id.value.trim()): string {
    return `${villagePath(village)}/registry/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
  }

  #headers({ read }: Edited): Record<string, string> {
    return { ...authorHeaders(), ...(read ? { 'If-Match': `"${read._rev}"` } : {}) };
  }
}
