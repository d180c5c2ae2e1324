/**
 * The fleet's dashboard: which of its two pages is shown is in the address (`#/`, `#/villages/<id>`), and what is shown is
 * asked for again now and then while somebody can see it.
 */
import { byId, setText, show } from '../../../shared/dashboard/elements.js';
import { failureOf, Page } from '../../../shared/dashboard/page.js';
import { ask } from '../../../shared/dashboard/requests.js';
import type { ShownVillage } from './fleet-answers.js';
import type { FleetPage, Visitor } from './fleet-page.js';
import { FleetList } from './views/fleet-list.js';
import { HeatMap } from './views/heat-map.js';
import { MapView } from './views/map-view.js';
import { VillageView } from './views/village-view.js';
import { DICTIONARIES } from './words/words.js';

const REFRESH_MS = 20_000;
/** In refreshes. */
const HEAT_EVERY = 9;
const CHARTS_EVERY = 6;

const page: FleetPage = new Page(DICTIONARIES, document.documentElement.lang, navigator.languages);
const visitor: Visitor = { page, mayEdit: document.body.dataset.role === 'admin' };
const map = new MapView(page);
const heat = new HeatMap(page);
const list = new FleetList(page, (chosen) => {
  map.take(chosen);
  heat.take(chosen);
});
const village = new VillageView(visitor);
let opened: string | undefined;
let refreshes = 0;
/** When the list was last heard of. */
let heardMs: number | undefined;
let isRefreshing = false;
/** Something else is shown since a refresh began. */
let isDueAgain = false;

function start(): void {
  byId('skip', HTMLAnchorElement).addEventListener('click', (event) => {
    // The address is the page shown: it stays.
    event.preventDefault();
    byId(opened === undefined ? 'fleet-title' : 'village-name', HTMLElement).focus();
  });
  addEventListener('hashchange', () => void route());
  document.addEventListener('visibilitychange', () => void refresh());
  setInterval(() => void refresh(), REFRESH_MS);
  void readTime().then(route);
}

/** Ages and periods are those of the centre's clock. */
async function readTime(): Promise<void> {
  const response = await ask('/healthz').catch(() => undefined);
  page.setTime(Date.parse(response?.headers.get('date') ?? ''));
}

async function route(): Promise<void> {
  const [, id] = /^#\/villages\/([^/]+)$/.exec(location.hash) ?? [];
  const wasOpen = opened;
  // Ids have no letters that an address writes otherwise.
  opened = id;
  show('fleet', opened === undefined);
  show('village', opened !== undefined);
  show('back', opened !== undefined);
  refreshes = 0;
  if (opened === undefined) {
    village.close();
    document.title = page.words.say('page.title');
    if (wasOpen !== undefined) byId('fleet-title', HTMLElement).focus();
    await refresh();
    return;
  }
  byId('village-name', HTMLElement).focus();
  scrollTo({ top: 0 });
  await village.open(opened);
}

async function refresh(): Promise<void> {
  if (document.hidden) return;
  isDueAgain = isRefreshing;
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    do {
      isDueAgain = false;
      await refreshShown();
    } while (isDueAgain);
  } finally {
    isRefreshing = false;
  }
}

async function refreshShown(): Promise<void> {
  if (opened === undefined) await refreshFleet();
  else await village.refresh();
  if (opened !== undefined && refreshes % CHARTS_EVERY === CHARTS_EVERY - 1) await village.followClock();
  refreshes++;
}

async function refreshFleet(): Promise<void> {
  try {
    const response = await ask('/v1/villages');
    page.setTime(Date.parse(response.headers.get('date') ?? ''));
    const { items } = (await response.json()) as { items: ShownVillage[] };
    list.take(items);
    heardMs = page.now();
    setText('contact', asOf(), '');
    if (refreshes % HEAT_EVERY === 0) await heat.refresh();
  } catch (error) {
    setText('contact', [failureOf(page, error), asOf()].join(' '), 'bad');
    // What is shown grows older.
    list.show();
  }
}

/** Of when what is shown is. */
function asOf(): string {
  return heardMs === undefined ? '' : page.words.say('page.asOf', { time: page.formats.time(heardMs, page.now()) });
}

start();
