/** What is missing of a village's numbers, and why as far as it is known. */
import { byId, element, setText, show } from '../../../../shared/dashboard/elements.js';
import type { ShownGap, ShownVillage } from '../fleet-answers.js';
import type { FleetPage } from '../fleet-page.js';

/** Of a node; the API tells more. */
const SHOWN_GAPS = 20;

export class NumbersView {
  readonly #page: FleetPage;
  #shown = '';

  constructor(page: FleetPage) {
    this.#page = page;
  }

  /** What is shown is another village's. */
  clear(): void {
    this.#shown = '';
    setText('numbers-text', '');
    for (const id of ['numbers-table', 'numbers-gaps']) byId(id, HTMLElement).replaceChildren();
  }

  take({ numbers, numbersUnknown }: ShownVillage): void {
    const text = JSON.stringify([numbers, numbersUnknown]);
    if (text === this.#shown) return;
    this.#shown = text;
    const { words, formats } = this.#page;
    show('numbers-table', numbers !== undefined);
    if (!numbers) {
      setText('numbers-text', words.say('numbers.unknown', { why: numbersUnknown ?? '' }));
      byId('numbers-gaps', HTMLElement).replaceChildren();
      return;
    }
    const missing = Object.entries(numbers.missing).filter(([, count]) => count > 0);
    const none = numbers.held === 0 ? 'numbers.never' : 'numbers.none';
    const whole = words.say(missing.length === 0 ? none : 'numbers.some');
    const partly = words.say(missing.length === 0 ? 'numbers.partlyNone' : 'numbers.partlySome');
    setText('numbers-text', numbers.partly === undefined ? whole : partly);
    const rows = [['held', numbers.held] as const, ...missing].map(([kind, count]) =>
      element('div', {}, element('dt', {}, this.#kind(kind)), element('dd', {}, formats.number(count))),
    );
    byId('numbers-table', HTMLElement).replaceChildren(...rows);
    const gaps = numbers.nodes.flatMap(({ node, gaps: all, moreGaps = 0 }) => {
      const items = all.slice(0, SHOWN_GAPS).map((gap) => element('li', {}, this.#gap(gap)));
      const more = all.length - items.length + moreGaps;
      if (more > 0) items.push(element('li', {}, words.say('numbers.more', { count: formats.number(more) })));
      if (items.length === 0) return [];
      return [element('h3', {}, words.say('numbers.node', { node })), element('ul', {}, ...items)];
    });
    byId('numbers-gaps', HTMLElement).replaceChildren(...gaps);
  }

  #kind(kind: string): string {
    return this.#page.words.find(`missing.${kind}`) ?? kind;
  }

  #gap({ from, to, kind, missing }: ShownGap): string {
    const { formats, words } = this.#page;
    const range = from === to ? formats.number(from) : `${formats.number(from)} – ${formats.number(to)}`;
    const some = missing === undefined ? '' : ` (${words.say('numbers.of', { count: formats.number(missing) })})`;
    return words.say('page.pair', { name: range, value: `${this.#kind(kind)}${some}` });
  }
}
