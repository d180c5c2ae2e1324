/**
 * A registry document in a dialog. What is typed stays typed: no refresh touches it, and where somebody else has changed the
 * document meanwhile that is told with their values, and saving again is a decision. What is saved is the document as it is
 * then, with the fields changed whose text was.
 */
import { byId, element, onPress, setText, show } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { ask, askJson, Refusal } from '../../../../shared/dashboard/requests.js';
import type { ShownDocument } from '../fleet-answers.js';
import { authorHeaders, authorName, type FleetPage, keepAuthorName, villagePath } from '../fleet-page.js';
import {
  differences,
  documentOf,
  type EditedField,
  editedFields,
  fieldsOf,
  type TypedField,
} from '../registry-fields.js';

const OUTRUN: ReadonlySet<number> = new Set([412, 428]);

interface Edited {
  village: string;
  type: string;
  /** As it was read; undefined for a new one. */
  read: ShownDocument | undefined;
  /** The fields that what is typed goes into: those of `read`, or of what somebody else deleted meanwhile. */
  before: Readonly<Record<string, unknown>>;
}

/** An input on the page, whose text is what is typed now. */
interface Input extends Omit<TypedField, 'text'> {
  field: HTMLInputElement | HTMLTextAreaElement;
}

/** Lines of an input for a text of several. */
const MAX_ROWS = 8;

export class DocumentEditor {
  readonly #page: FleetPage;
  readonly #onSaved: () => void;
  readonly #dialog = byId('editor', HTMLDialogElement);
  readonly #fields = byId('editor-fields', HTMLElement);
  readonly #id = byId('editor-id', HTMLInputElement);
  readonly #author = byId('editor-author', HTMLInputElement);
  #edited: Edited | undefined;
  #inputs: Input[] = [];
  #idBefore = '';
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
    this.#show({ village, type: shown.type, read: read ?? shown, before: fieldsOf(read ?? shown) });
  }

  openNew(village: string, type: string): void {
    this.#show({ village, type, read: undefined, before: {} });
  }

  #show(edited: Edited): void {
    this.#edited = edited;
    const { type, read } = edited;
    const { words } = this.#page;
    const name = words.find(`type.${type}`) ?? type;
    setText('editor-title', read ? `${name} ${read.id}` : words.say('registry.add', { type: name }));
    setText('editor-result', '');
    this.#idBefore = read?.id ?? (type === 'profile' ? 'profile' : '');
    this.#id.value = this.#idBefore;
    this.#id.readOnly = read !== undefined;
    this.#author.value = authorName();
    this.#inputs = [];
    this.#fields.replaceChildren(...editedFields(type, read).map((field) => this.#inputOf(field)));
    show('editor-delete', read !== undefined);
    show('editor-discard', false);
    this.#isSure = false;
    this.#dialog.showModal();
  }

  /** `typed`: what somebody has typed over its text. */
  #inputOf({ name, kind, text }: EditedField, typed = text): HTMLElement {
    const id = `field-${name}`;
    // An input of one line would leave out line breaks.
    const lines = Math.max(...[text, typed].map((one) => one.split(/\r\n|\r|\n/).length));
    const field =
      lines > 1
        ? element('textarea', { id, rows: String(Math.min(lines, MAX_ROWS)), autocomplete: 'off' })
        : element('input', { id, inputmode: kind === 'number' ? 'decimal' : 'text', autocomplete: 'off' });
    field.value = text;
    // As it stands there: browsers write line breaks in their own way.
    this.#inputs.push({ name, kind, field, shown: field.value });
    if (typed !== text) field.value = typed;
    return element('div', {}, element('label', { for: id }, kind === 'json' ? `${name} (JSON)` : name), field);
  }

  #addField(): void {
    const name = byId('editor-new', HTMLInputElement);
    const wanted = name.value.trim();
    if (wanted === '' || this.#inputs.some((input) => input.name === wanted)) {
      name.focus();
      return;
    }
    const made = this.#inputOf({ name: wanted, kind: 'text', text: '' });
    this.#fields.append(made);
    name.value = '';
    made.querySelector('input')?.focus();
  }

  #typed(): TypedField[] {
    return this.#inputs.map(({ name, kind, shown, field }) => ({ name, kind, shown, text: field.value }));
  }

  #leave(): void {
    if (this.#id.value === this.#idBefore && !this.#typed().some(({ text, shown }) => text !== shown)) {
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
      const body = documentOf(edited.before, this.#typed(), (problem, field) =>
        words.say(`editor.${problem}`, { field }),
      );
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
    const { before } = edited;
    const now = fieldsOf(there ?? {});
    // What was deleted is made anew with the fields it had, not only with those typed.
    this.#edited = { ...edited, read: there, before: there ? now : before };
    this.#isSure = false;
    if (!there) {
      setText('editor-result', words.say('editor.gone'), 'warning');
      return;
    }
    // From now on it is this one that is edited, also where a new one was meant.
    this.#id.readOnly = true;
    this.#showUnderTyped(editedFields(edited.type, there));
    const changes = differences(before, now).map((name) =>
      words.say('page.pair', { name, value: Object.hasOwn(now, name) ? formats.value(now[name]) : '–' }),
    );
    const time = this.#page.time(there.editedAt || undefined, words.say('page.unknown'));
    const values = { author: there.author, time, changes: changes.join('; ') };
    setText('editor-result', words.say('editor.outrun', values), 'warning');
  }

  /** Shows what stands in the document now, and leaves what was typed where it is. */
  #showUnderTyped(fields: readonly EditedField[]): void {
    const names = new Set(fields.map(({ name }) => name));
    const typed = this.#typed().filter(({ text, shown }) => text !== shown || shown === '');
    const others = typed.filter(({ name }) => !names.has(name)).map((field) => ({ ...field, text: '' }));
    const focused = document.activeElement?.id ?? '';
    this.#inputs = [];
    const made = [...fields, ...others].map((field) => {
      const own = typed.find(({ name, text, shown }) => name === field.name && text !== shown);
      return own ? this.#inputOf({ ...field, kind: own.kind }, own.text) : this.#inputOf(field);
    });
    this.#fields.replaceChildren(...made);
    if (document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
  }

  async #read(village: string, type: string, id: string): Promise<ShownDocument | undefined> {
    try {
      return await askJson<ShownDocument>(this.#path({ village, type, read: undefined, before: {} }, id));
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
