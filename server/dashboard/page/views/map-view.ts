/**
 * Where the villages are, without any outside map: a graticule, a scale, and a mark for each, or one for several that would
 * cover each other. Buttons, wheel and drag move the map; with the keyboard the arrows go from mark to mark, plus and minus
 * zoom, Enter opens a village or goes closer.
 */
import { byId, onPress, setText, show, svg } from '../../../../shared/dashboard/elements.js';
import type { ShownVillage } from '../fleet-answers.js';
import { type FleetPage, villageLink } from '../fleet-page.js';
import {
  type Cluster,
  clustered,
  graticule,
  moved,
  type Place,
  scaleBar,
  toPoint,
  type MapView as View,
  viewOfAll,
  zoomed,
} from '../map-projection.js';
import { needMark } from '../need-mark.js';
import { nameOf, placeOf } from '../why.js';
import { byNeed } from './fleet-list.js';
import { useMapGestures } from './map-gestures.js';

interface Placed {
  village: ShownVillage;
  place: Place;
}

const CELL_PX = 26;
const ZOOM = 2;
/** Villages that the label of a cluster names. */
const NAMED = 5;

export class MapView {
  readonly #page: FleetPage;
  readonly #svg = byId('map-svg', SVGSVGElement);
  #placed: Placed[] = [];
  #view: View | undefined;
  #drawn = '';
  #isDue = false;

  constructor(page: FleetPage) {
    this.#page = page;
    this.#svg.setAttribute('role', 'group');
    onPress(byId('map-closer', HTMLButtonElement), async () => this.#zoom(ZOOM));
    onPress(byId('map-farther', HTMLButtonElement), async () => this.#zoom(1 / ZOOM));
    onPress(byId('map-all', HTMLButtonElement), async () => this.#showAll());
    useMapGestures(this.#svg, {
      zoom: (factor, x, y) => this.#zoom(factor, x, y),
      move: (right, down) => this.#change((view) => moved(view, right, down)),
      step: (right, down) => this.#step(right, down),
      open: (mark) => this.#open(mark),
    });
    new ResizeObserver(() => this.#resized()).observe(this.#svg);
  }

  take(villages: readonly ShownVillage[]): void {
    const hadNone = this.#placed.length === 0;
    this.#placed = villages.flatMap((village) => {
      const place = placeOf(village);
      return place ? [{ village, place }] : [];
    });
    const { words, formats } = this.#page;
    const unplaced = villages.length - this.#placed.length;
    setText('map-unplaced', unplaced > 0 ? words.say('map.unplaced', { count: formats.number(unplaced) }) : '');
    show('map-frame', this.#placed.length > 0);
    if (hadNone) this.#view = undefined;
    this.#drawSoon();
  }

  #showAll(): void {
    this.#view = undefined;
    this.#drawSoon();
  }

  #resized(): void {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    if (this.#view && width > 0) this.#view = { ...this.#view, width, height };
    this.#drawSoon();
  }

  #zoom(factor: number, x?: number, y?: number): void {
    this.#change((view) => zoomed(view, factor, x, y));
  }

  #change(change: (view: View) => View): void {
    if (this.#view) this.#view = change(this.#view);
    this.#drawSoon();
  }

  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    if (width === 0 || this.#placed.length === 0) return;
    const places = this.#placed.map(({ place }) => place);
    this.#view ??= viewOfAll(places, width, height);
    const view = this.#view;
    const clusters = clustered(view, this.#placed, ({ place }) => place, CELL_PX);
    for (const { items } of clusters) items.sort((a, b) => byNeed(a.village, b.village));
    // The neediest are drawn last, above the others.
    clusters.sort((a, b) => byNeed(worstOf(b), worstOf(a)));
    const drawn = JSON.stringify([view, clusters.map(({ x, y, items }) => [x, y, items.map(describing)])]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const focused = this.#svg.contains(document.activeElement) ? (document.activeElement?.id ?? '') : undefined;
    const marks = clusters.map((cluster) => this.#markOf(cluster));
    const reachable = marks.find(({ id }) => id === focused) ?? marks.at(-1);
    reachable?.setAttribute('tabindex', '0');
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#svg.replaceChildren(...this.#grid(view), ...marks, ...this.#scale(view));
    if (focused !== undefined) reachable?.focus({ preventScroll: true });
  }

  #markOf({ x, y, items }: Cluster<Placed>): SVGElement {
    const [first] = items;
    if (!first) return svg('g');
    const { need, id } = first.village;
    const { words, formats } = this.#page;
    if (items.length === 1) {
      const label = words.say('page.pair', { name: nameOf(first.village), value: words.say(`need.${need}`) });
      const attributes = { id: `mark-${id}`, href: villageLink(id), 'aria-label': label, tabindex: '-1' };
      return svg('a', attributes, needMark(need, x, y, 8), svg('title', {}, label));
    }
    const count = formats.number(items.length);
    const names = items.slice(0, NAMED).map(({ village }) => nameOf(village));
    const values = { count, names: names.join(', '), need: words.say(`need.${need}`) };
    const label = words.say('map.cluster', values);
    const attributes = { id: `marks-${id}`, class: 'cluster', role: 'button', 'aria-label': label, tabindex: '-1' };
    const text = svg('text', { x, y: y + 4, 'text-anchor': 'middle' }, count);
    return svg(
      'g',
      { ...attributes, 'data-x': x, 'data-y': y },
      needMark(need, x, y, 14),
      text,
      svg('title', {}, label),
    );
  }

  /** Goes closer where there are several; a village is a link and opens itself. */
  #open(mark: Element): void {
    const { x, y } = (mark as SVGElement).dataset;
    if (x !== undefined && y !== undefined) this.#zoom(2 * ZOOM, Number(x), Number(y));
  }

  /** To the nearest mark in a direction. */
  #step(right: number, down: number): void {
    const marks = [...this.#svg.querySelectorAll<SVGElement>('[tabindex]')];
    const from = marks.find((mark) => mark === document.activeElement) ?? marks.at(-1);
    if (!from) return;
    const middle = middleOf(from);
    const ahead = marks
      .map((mark) => ({ mark, x: middleOf(mark).x - middle.x, y: middleOf(mark).y - middle.y }))
      .map(({ mark, x, y }) => ({ mark, along: x * right + y * down, aside: Math.abs(x * down) + Math.abs(y * right) }))
      .filter(({ mark, along, aside }) => mark !== from && along > 0 && aside <= 2 * along);
    ahead.sort((a, b) => a.along + 2 * a.aside - (b.along + 2 * b.aside));
    const to = ahead[0]?.mark;
    if (!to) return;
    from.setAttribute('tabindex', '-1');
    to.setAttribute('tabindex', '0');
    to.focus({ preventScroll: true });
  }

  #grid(view: View): SVGElement[] {
    const { stepDegrees, lats, lons } = graticule(view);
    const { formats } = this.#page;
    const digits = Math.max(0, Math.ceil(-Math.log10(stepDegrees)));
    const label = (degrees: number, [positive, negative]: readonly [string, string]) =>
      `${formats.fixed(Math.abs(degrees), digits)}° ${degrees < 0 ? negative : degrees > 0 ? positive : ''}`.trim();
    return [
      ...lats.flatMap((lat) => {
        const { y } = toPoint(view, { lat, lon: view.lon });
        const line = svg('line', { class: 'grid', x1: 0, x2: view.width, y1: y, y2: y });
        return [line, svg('text', { class: 'degrees', x: 3, y: y - 3 }, label(lat, this.#letters('north', 'south')))];
      }),
      ...lons.flatMap((lon) => {
        const { x } = toPoint(view, { lat: view.lat, lon });
        const line = svg('line', { class: 'grid', x1: x, x2: x, y1: 0, y2: view.height });
        return [line, svg('text', { class: 'degrees', x: x + 3, y: 12 }, label(lon, this.#letters('east', 'west')))];
      }),
    ];
  }

  #letters(positive: 'north' | 'east', negative: 'south' | 'west'): readonly [string, string] {
    const { words } = this.#page;
    return [words.say(`map.${positive}`), words.say(`map.${negative}`)];
  }

  #scale(view: View): SVGElement[] {
    const { km, px } = scaleBar(view);
    const y = view.height - 8;
    const [left, right] = [view.width - 10 - px, view.width - 10];
    const path = svg('polyline', {
      class: 'scale',
      points: `${left},${y - 5} ${left},${y} ${right},${y} ${right},${y - 5}`,
    });
    const text = km >= 1 ? `${this.#page.formats.number(km)} km` : `${this.#page.formats.number(km * 1000)} m`;
    return [path, svg('text', { class: 'degrees', x: right, y: y - 8, 'text-anchor': 'end' }, text)];
  }
}

function worstOf({ items }: Cluster<Placed>): ShownVillage {
  const [first] = items;
  if (!first) throw new Error('a cluster has no village');
  return first.village;
}

function describing({ village }: Placed): string {
  return `${village.id} ${village.need} ${nameOf(village)}`;
}

function middleOf(mark: SVGElement): { x: number; y: number } {
  const { left, top, width, height } = mark.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}
