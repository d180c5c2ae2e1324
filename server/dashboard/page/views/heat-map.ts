/**
 * Villages × days as a heat map: what is missing of a day fills its cell from the top down, in the strongest colour there is.
 *
 * Only the rows in sight are drawn, on one canvas as large as its box, so that a thousand villages cost what thirty do. The
 * arrow keys choose a cell, of which a line below tells in words; Enter opens the village.
 */
import { byId, element, setText, show } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { Completeness, ShownVillage } from '../fleet-answers.js';
import { type FleetPage, villageLink } from '../fleet-page.js';
import { type HeatRow, heatRows, lastDays } from '../heat-cells.js';
import { nameOf } from '../why.js';
import { drawHeat, HEAD_HEIGHT, type HeatGeometry, placeAt, ROW_HEIGHT } from './heat-canvas.js';

/** Below the head. */
const MAX_ROWS_IN_SIGHT = 24;

interface Place {
  row: number;
  column: number;
}

export class HeatMap {
  readonly #page: FleetPage;
  readonly #box = byId('heat-box', HTMLElement);
  readonly #spacer = byId('heat-spacer', HTMLElement);
  readonly #canvas = byId('heat-canvas', HTMLCanvasElement);
  readonly #days = byId('heat-days', HTMLSelectElement);
  readonly #order = byId('heat-order', HTMLSelectElement);
  #answer: Completeness | undefined;
  #villages: readonly ShownVillage[] = [];
  #names = new Map<string, string>();
  #rows: HeatRow[] = [];
  #chosen: Place | undefined;
  #isDue = false;

  constructor(page: FleetPage) {
    this.#page = page;
    this.#box.tabIndex = 0;
    this.#days.addEventListener('change', () => void this.refresh());
    this.#order.addEventListener('change', () => this.#arrange());
    this.#box.addEventListener('scroll', () => this.#drawSoon(), { passive: true });
    this.#box.addEventListener('keydown', (event) => this.#onKey(event));
    this.#canvas.addEventListener('pointermove', (event) => this.#choose(this.#at(event)));
    this.#canvas.addEventListener('click', (event) => this.#choose(this.#at(event)));
    this.#canvas.addEventListener('dblclick', () => this.#open());
    new ResizeObserver(() => this.#drawSoon()).observe(this.#box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#drawSoon());
  }

  /** Asks the centre again. */
  async refresh(): Promise<void> {
    const { from, to } = lastDays(Number(this.#days.value), this.#page.now());
    try {
      this.#answer = await askJson<Completeness>(`/v1/completeness?from=${from}&to=${to}`);
      setText('heat-trouble', '');
      this.#arrange();
    } catch (error) {
      setText('heat-trouble', failureOf(this.#page, error), 'bad');
    }
  }

  /** Which villages are shown, in the order in which they are listed. */
  take(villages: readonly ShownVillage[]): void {
    this.#villages = villages;
    this.#names = new Map(villages.map((village) => [village.id, nameOf(village)]));
    this.#arrange();
  }

  #arrange(): void {
    if (!this.#answer) return;
    const before = this.#rows[this.#chosen?.row ?? -1]?.village;
    const order = this.#order.value === 'need' ? 'given' : 'missing';
    this.#rows = heatRows(this.#answer, this.#villages, { nowMs: this.#page.now(), order });
    const row = this.#rows.findIndex(({ village }) => village === before);
    this.#chosen = this.#chosen && row >= 0 ? { ...this.#chosen, row } : undefined;
    show('heat-frame', this.#rows.length > 0);
    this.#spacer.style.height = `${HEAD_HEIGHT + this.#rows.length * ROW_HEIGHT}px`;
    this.#box.style.height = `${HEAD_HEIGHT + Math.min(this.#rows.length, MAX_ROWS_IN_SIGHT) * ROW_HEIGHT}px`;
    this.#sayAll();
    this.#sayChosen();
    this.#drawSoon();
  }

  #sayAll(): void {
    const { words, formats } = this.#page;
    const cells = this.#rows.flatMap(({ cells: all }) => all);
    const empty = cells.filter(({ missingShare }) => missingShare === 1).length;
    const touched = this.#rows.filter(({ missingDays }) => missingDays >= 0.5).length;
    const values = { villages: formats.number(touched), days: formats.number(empty) };
    setText('heat-summary', words.say('heat.summary', values));
  }

  #geometry(): HeatGeometry {
    return {
      width: this.#box.clientWidth,
      height: this.#box.clientHeight,
      top: this.#box.scrollTop,
      columns: this.#rows[0]?.cells.length ?? 0,
    };
  }

  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      const geometry = this.#geometry();
      const { formats } = this.#page;
      drawHeat(this.#canvas, geometry, {
        rows: this.#rows,
        nameOf: (village) => this.#names.get(village) ?? village,
        dayLabel: (day) => formats.day(Date.parse(day)),
        chosen: this.#chosen,
      });
    });
  }

  #at(event: MouseEvent): Place | undefined {
    return placeAt(this.#geometry(), { x: event.offsetX, y: event.offsetY }, this.#rows.length);
  }

  #choose(place: Place | undefined): void {
    const { row, column } = this.#chosen ?? {};
    if (!place || (place.row === row && place.column === column)) return;
    this.#chosen = place;
    this.#sayChosen();
    this.#drawSoon();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter') this.#open();
    const step = STEPS[event.key];
    if (!step || this.#rows.length === 0) return;
    event.preventDefault();
    const columns = this.#rows[0]?.cells.length ?? 0;
    const { row, column } = this.#chosen ?? { row: -step.row, column: columns - 1 - step.column };
    const place = {
      row: Math.min(this.#rows.length - 1, Math.max(0, row + step.row)),
      column: Math.min(columns - 1, Math.max(0, column + step.column)),
    };
    const { scrollTop, clientHeight } = this.#box;
    const top = place.row * ROW_HEIGHT;
    const inSight = clientHeight - HEAD_HEIGHT - ROW_HEIGHT;
    this.#box.scrollTop = Math.min(top, Math.max(scrollTop, top - inSight));
    this.#choose(place);
  }

  #open(): void {
    const village = this.#rows[this.#chosen?.row ?? -1]?.village;
    if (village !== undefined) location.hash = villageLink(village);
  }

  #sayChosen(): void {
    const { row, column } = this.#chosen ?? { row: -1, column: -1 };
    const heatRow = this.#rows[row];
    const cell = heatRow?.cells[column];
    const line = byId('heat-cell', HTMLElement);
    if (!heatRow || !cell) {
      line.replaceChildren(this.#page.words.say('heat.choose'));
      return;
    }
    const { words, formats } = this.#page;
    const name = this.#names.get(heatRow.village) ?? heatRow.village;
    const readings = formats.number(cell.readings);
    const told =
      cell.expected === undefined
        ? words.say('heat.cell', { readings })
        : words.say('heat.cell.of', { readings, expected: formats.number(Math.round(cell.expected)) });
    const missing = cell.missing > 0 ? words.say('heat.cell.missing', { count: formats.number(cell.missing) }) : '';
    const day = formats.day(Date.parse(cell.day));
    line.replaceChildren(
      element('a', { href: villageLink(heatRow.village) }, name),
      [`, ${words.say('page.pair', { name: day, value: told })}`, missing].filter(Boolean).join(' '),
    );
  }
}

const STEPS: Readonly<Record<string, Place>> = {
  ArrowUp: { row: -1, column: 0 },
  ArrowDown: { row: 1, column: 0 },
  ArrowLeft: { row: 0, column: -1 },
  ArrowRight: { row: 0, column: 1 },
  PageUp: { row: -MAX_ROWS_IN_SIGHT, column: 0 },
  PageDown: { row: MAX_ROWS_IN_SIGHT, column: 0 },
};
