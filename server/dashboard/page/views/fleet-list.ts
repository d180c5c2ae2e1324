/**
 * The villages as a list, the neediest first, with a search and a filter. A row is changed only where what it says has
 * changed, and no more rows are made than asked for: the work of a refresh does not grow with the fleet's size.
 */
import { byId, element, onPress, setText, show } from '../../../../shared/dashboard/elements.js';
import { NEEDS, type Need, type ShownVillage } from '../fleet-answers.js';
import { type FleetPage, villageLink } from '../fleet-page.js';
import { needIcon } from '../need-mark.js';
import { nameOf, whyOf } from '../why.js';

/** Rows shown at first, and added by each press of the button. */
const PAGE_ROWS = 25;
/** Sentences of a row; the village's own page has all of them. */
const SHOWN_REASONS = 3;

interface Row {
  row: HTMLTableRowElement;
  /** All that it says. */
  text: string;
}

export class FleetList {
  readonly #page: FleetPage;
  readonly #onChosen: (chosen: readonly ShownVillage[]) => void;
  readonly #search = byId('fleet-search', HTMLInputElement);
  readonly #filter = byId('fleet-filter', HTMLSelectElement);
  readonly #rows = new Map<string, Row>();
  #villages: readonly ShownVillage[] = [];
  #shown = PAGE_ROWS;

  /** `onChosen` hears which villages search and filter leave, in the order of need. */
  constructor(page: FleetPage, onChosen: (chosen: readonly ShownVillage[]) => void) {
    this.#page = page;
    this.#onChosen = onChosen;
    const chosenAnew = () => {
      this.#shown = PAGE_ROWS;
      this.show();
    };
    this.#search.addEventListener('input', chosenAnew);
    this.#filter.addEventListener('change', chosenAnew);
    onPress(byId('fleet-more', HTMLButtonElement), async () => {
      this.#shown += PAGE_ROWS;
      this.show();
    });
  }

  take(villages: readonly ShownVillage[]): void {
    this.#villages = [...villages].sort(byNeed);
    this.#offerNeeds();
    this.show();
  }

  show(): void {
    const chosen = this.#chosen();
    const { words, formats } = this.#page;
    const rows = chosen.slice(0, this.#shown).map((village) => this.#rowOf(village));
    placeRows(byId('fleet-rows', HTMLElement), rows);
    const [count, all] = [formats.number(chosen.length), formats.number(this.#villages.length)];
    setText('fleet-count', words.say('fleet.count', { count, all }));
    show('fleet-more', chosen.length > this.#shown);
    show('fleet-table', chosen.length > 0);
    this.#onChosen(chosen);
  }

  #chosen(): ShownVillage[] {
    const wanted = folded(this.#search.value);
    const need = this.#filter.value;
    return this.#villages.filter((village) => {
      if (need !== '' && village.need !== need) return false;
      const { id, region = '', profile } = village;
      return wanted === '' || folded(`${id} ${nameOf(village)} ${region} ${profile?.place ?? ''}`).includes(wanted);
    });
  }

  #offerNeeds(): void {
    const { words, formats } = this.#page;
    const counts = new Map<Need, number>();
    for (const { need } of this.#villages) counts.set(need, (counts.get(need) ?? 0) + 1);
    const labels = NEEDS.map((need) => `${words.say(`need.${need}`)} (${formats.number(counts.get(need) ?? 0)})`);
    const options = this.#filter.options;
    if (options.length === 1) this.#filter.append(...NEEDS.map((value) => element('option', { value })));
    labels.forEach((label, n) => {
      const option = options[n + 1];
      if (option && option.textContent !== label) option.textContent = label;
    });
  }

  #rowOf(village: ShownVillage): HTMLTableRowElement {
    const { words, formats } = this.#page;
    const { id, need, lastContactAt, pending } = village;
    const nowMs = this.#page.now();
    const name = nameOf(village);
    const place = [name === id ? '' : id, village.profile?.place ?? village.region ?? ''].filter(Boolean).join(', ');
    const reasons = whyOf(this.#page, village).slice(0, SHOWN_REASONS).join(' ');
    const heard =
      lastContactAt === undefined
        ? words.say('page.never')
        : formats.shortAgo(Math.min(Date.parse(lastContactAt), nowMs), nowMs);
    const waits = pending === undefined ? '' : words.say('fleet.waiting', { count: formats.number(pending) });
    const text = JSON.stringify([name, place, need, reasons, heard, waits]);
    const known = this.#rows.get(id);
    if (known?.text === text) return known.row;
    const cells = [
      element(
        'th',
        { scope: 'row' },
        element('a', { href: villageLink(id) }, name),
        element('span', { class: 'quiet block' }, place),
      ),
      element(
        'td',
        {},
        needIcon(need),
        element('strong', { class: `need ${need}` }, words.say(`need.${need}`)),
        ' ',
        reasons,
      ),
      element('td', {}, heard, element('span', { class: 'quiet block' }, waits)),
    ];
    const row = known?.row ?? element('tr');
    keepingFocus(() => row.replaceChildren(...cells));
    this.#rows.set(id, { row, text });
    return row;
  }
}

/** Of the same need those with most to send come first. */
export function byNeed(a: ShownVillage, b: ShownVillage): number {
  const difference = NEEDS.indexOf(a.need) - NEEDS.indexOf(b.need);
  return difference || (b.pending ?? 0) - (a.pending ?? 0) || (a.id < b.id ? -1 : 1);
}

/** Leaves the rows alone where they stand as they should. */
function placeRows(body: HTMLElement, rows: readonly HTMLTableRowElement[]): void {
  const isSame = body.children.length === rows.length && rows.every((row, n) => body.children[n] === row);
  if (!isSame) keepingFocus(() => body.replaceChildren(...rows));
}

/** What has the keyboard keeps it although it is moved, or made anew with the same address. */
function keepingFocus(change: () => void): void {
  const before = document.activeElement;
  change();
  if (before === document.activeElement || !(before instanceof HTMLAnchorElement)) return;
  const again = [...document.querySelectorAll<HTMLAnchorElement>('#fleet-rows a')].find(
    ({ href }) => href === before.href,
  );
  again?.focus({ preventScroll: true });
}

/** Without case and accents. */
function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
