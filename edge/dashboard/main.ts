/** The dashboard of a node: listens to its events and shows them. */
import { ConflictsView } from '../../shared/dashboard/conflicts-view.js';
import { setText, show } from '../../shared/dashboard/elements.js';
import { Page } from '../../shared/dashboard/page.js';
import { askJson } from '../../shared/dashboard/requests.js';
import { DrainEstimate } from './drain-estimate.js';
import type { ShownAlert, ShownDevice, ShownReading, ShownStatus } from './node-answers.js';
import { NodeContact } from './node-contact.js';
import { ActionsView } from './views/actions-view.js';
import { showAlerts } from './views/alerts-view.js';
import { DevicesView } from './views/devices-view.js';
import { showStatus } from './views/status-view.js';
import { TodayView } from './views/today-view.js';
import { DICTIONARIES } from './words/words.js';

const TICK_MS = 1_000;
/** In ticks: rows that move all the time cannot be read. */
const NEWS_EVERY = 3;
const AGES_EVERY = 10;
const CHARTS_EVERY = 60;

const page = new Page(DICTIONARIES, document.documentElement.lang, navigator.languages);
const drain = new DrainEstimate();
const devices = new DevicesView(page);
const today = new TodayView(page, devices);
const actions = new ActionsView(page);
const conflicts = new ConflictsView(page, {
  ...{ listPath: '/v1/conflicts', settlePath: '/v1/conflicts', canSettle: true },
});
const contact = new NodeContact({
  opened: () => void opened(),
  heard() {
    heardMs = page.now();
    setText('contact', page.words.say('page.live'), 'good');
  },
  lost() {
    const { words, formats } = page;
    const what = status ? words.say('page.gone', { time: formats.time(heardMs, page.now()) }) : words.say('page.away');
    setText('contact', what, 'bad');
  },
  crowded(told) {
    heardMs = page.now();
    setText('contact', page.words.say('page.crowded'), 'warning');
    takeStatus(told);
    showAlerts(page, told.alerts);
  },
});
let status: ShownStatus | undefined;
let heardMs = 0;
let ticks = 0;
let hasNews = false;

function start(): void {
  show('logout', document.body.dataset.login === 'yes');
  contact.on<ShownStatus>('status', takeStatus);
  contact.on<{ items: ShownAlert[] }>('alerts', ({ items }) => showAlerts(page, items));
  contact.on<{ items: ShownReading[] }>('devices', ({ items }) => takeReadings(items));
  contact.on('registry', () => void readRegistry());
  setInterval(tick, TICK_MS);
  contact.listen();
}

/** Also after the node was away: its clock may be another one by now. */
async function opened(): Promise<void> {
  actions.forgetUnanswered();
  const { at } = await askJson<{ at: string }>('/healthz');
  page.setTime(Date.parse(at));
  await Promise.all([readRegistry(), today.readAnew()]);
}

async function readRegistry(): Promise<void> {
  const { items } = await askJson<{ items: ShownDevice[] }>('/v1/registry/device');
  devices.register(items);
  devices.show();
  await Promise.all([today.registered(), conflicts.refresh()]);
}

function takeStatus(told: ShownStatus): void {
  status = told;
  drain.note(told.store.pending, told.sync.state === 'draining', performance.now());
  showStatus(page, told, drain);
}

function takeReadings(items: ShownReading[]): void {
  const isFirst = devices.readings.size === 0;
  devices.take(items);
  hasNews = true;
  if (isFirst) devices.show();
  void today.take(items);
}

/** Ages grow and rates change without any news. */
function tick(): void {
  contact.look();
  if (!status || document.hidden) return;
  if (contact.isHeard) takeStatus(status);
  else showStatus(page, status, drain);
  ticks++;
  if ((hasNews && ticks % NEWS_EVERY === 0) || ticks % AGES_EVERY === 0) {
    hasNews = false;
    devices.show();
  }
  if (ticks % CHARTS_EVERY === 0) void today.show();
}

start();
