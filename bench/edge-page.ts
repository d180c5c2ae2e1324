/**
 * Row: the node's page on a technician's phone: how soon it is there over a poor WiFi, and what it costs the node to have
 * it open. In a real browser, over a link that paces bytes; only where there is a Chromium.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { formatInstant, sleep } from '../shared/time.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { type LinkProfile, withLink } from './support/bench-link.js';
import { type BenchNode, withNode } from './support/bench-node.js';
import { fill, postReadings } from './support/node-client.js';
import { processorS } from './support/process-figures.js';
import { median } from './support/statistics.js';

/** A phone at the edge of the node's WiFi. */
const WIFI: LinkProfile = { upBytesPerS: 125_000, downBytesPerS: 125_000, roundTripMs: 10 };
const PHONE = { width: 360, height: 740 };
const PATIENCE_MS = 60_000;
const MINUTE_MS = 60_000;
const TOTALIZER = 'totalizer';
const EVERY_MS = 1_000;

const LOADED: Figure = {
  ...{ key: 'edge-page-loaded', unit: 's', digits: 2, targets: [atMost(1)] },
  what: "the node's page over a WiFi of 1 Mbit/s, 10 ms, first visit: until the browser calls it loaded, median",
};
const PENDING: Figure = {
  ...{ key: 'edge-page-pending', unit: 's', digits: 2, targets: [] },
  what: 'the same, until it says how much waits, median',
};
const CHARTS: Figure = {
  ...{ key: 'edge-page-charts', unit: 's', digits: 2, targets: [] },
  what: 'the same, until the day so far is drawn from a reading each minute, below 500 other devices, median',
};
const PROCESSOR: Figure = {
  ...{ key: 'edge-page-processor', unit: '% of a core', digits: 2, targets: [atMost(2)] },
  what: 'processor time of the node while the page is open, a reading each second, less what it takes without',
};

export const edgePage: Row = {
  name: 'edge-page',
  once: true,
  figures: [LOADED, PENDING, CHARTS, PROCESSOR],
  async measure(context) {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    if (!existsSync(executablePath)) {
      context.say('edge-page is not measured: there is no Chromium; "apt-get install chromium" brings one');
      return [];
    }
    const { held, visits, watchedMs } = sizeOf(context);
    return withNode(context, {}, async (node) => {
      await fill(context, node, 0, held);
      await postReadings(node, dayOfReadings(TOTALIZER));
      return withLink(Number(new URL(node.url).port), WIFI, async ({ url }) => {
        const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
        try {
          const times = [];
          for (let visit = 0; visit < visits; visit++) times.push(await visited(browser, url));
          const processor = await processorShare(context, node, browser, url, watchedMs);
          return [
            { figure: LOADED, ours: median(times.map(({ loadedMs }) => loadedMs)) / 1000 },
            { figure: PENDING, ours: median(times.map(({ pendingMs }) => pendingMs)) / 1000 },
            { figure: CHARTS, ours: median(times.map(({ chartsMs }) => chartsMs)) / 1000 },
            ...processor,
          ];
        } finally {
          await browser.close();
        }
      });
    });
  },
};

/** Nothing is kept from one visit to the next: each is a context of its own. */
async function visited(browser: Browser, url: string): Promise<Record<'loadedMs' | 'pendingMs' | 'chartsMs', number>> {
  const { page, close } = await open(browser);
  const startMs = performance.now();
  const sinceStart = () => performance.now() - startMs;
  const [loadedMs, pendingMs, chartsMs] = await Promise.all([
    page.goto(url, { waitUntil: 'load' }).then(sinceStart),
    pendingShown(page).then(sinceStart),
    chartsShown(page).then(sinceStart),
  ]);
  await close();
  return { loadedMs, pendingMs, chartsMs };
}

async function open(browser: Browser): Promise<{ page: Page; close: () => Promise<void> }> {
  const context = await browser.newContext({ viewport: PHONE, locale: 'en-GB', timezoneId: 'UTC' });
  return { page: await context.newPage(), close: () => context.close() };
}

function pendingShown(page: Page): Promise<void> {
  return page.locator('#pending').filter({ hasText: /\d/ }).waitFor({ timeout: PATIENCE_MS });
}

function chartsShown(page: Page): Promise<void> {
  return page.locator('svg.chart').first().waitFor({ timeout: PATIENCE_MS });
}

/** Hundredths of a core, once with the page open and once without, readings coming in all the time. */
async function processorShare(
  context: RunContext,
  node: BenchNode,
  browser: Browser,
  url: string,
  watchedMs: number,
): Promise<Measured[]> {
  const without = await shareWhile(context, node, watchedMs);
  const { page, close } = await open(browser);
  await page.goto(url);
  await chartsShown(page);
  await sleep(5 * EVERY_MS, context.signal);
  const withPage = await shareWhile(context, node, watchedMs);
  await close();
  return without === undefined || withPage === undefined ? [] : [{ figure: PROCESSOR, ours: withPage - without }];
}

async function shareWhile(context: RunContext, node: BenchNode, watchedMs: number): Promise<number | undefined> {
  const before = await processorS(node.pid());
  const startMs = performance.now();
  while (performance.now() - startMs < watchedMs) {
    await postReadings(node, [readingAt(TOTALIZER, Date.now())]);
    await sleep(EVERY_MS, context.signal);
    context.signal.throwIfAborted();
  }
  const after = await processorS(node.pid());
  if (before === undefined || after === undefined) return undefined;
  return ((after - before) / ((performance.now() - startMs) / 1000)) * 100;
}

/** One each minute of the day so far, and of the last two hours at least. */
function dayOfReadings(device: string): object[] {
  const nowMs = Date.now();
  const midnightMs = Math.floor(nowMs / 86_400_000) * 86_400_000;
  const minutes = Math.max(120, Math.floor((nowMs - midnightMs) / MINUTE_MS));
  return Array.from({ length: minutes }, (_, n) => readingAt(device, nowMs - (minutes - n) * MINUTE_MS));
}

/** With everything the page draws. */
function readingAt(device: string, atMs: number): object {
  const n = Math.floor(atMs / MINUTE_MS);
  return {
    ...{ device, at: formatInstant(atMs) },
    ...{ powerW: 1_000 + (n % 60) * 10, energyKwh: n / 40, batterySocPct: 60 + (n % 30) },
  };
}

function sizeOf({ small }: RunContext): { held: number; visits: number; watchedMs: number } {
  return small ? { held: 500, visits: 2, watchedMs: 3_000 } : { held: 20_000, visits: 9, watchedMs: 60_000 };
}
