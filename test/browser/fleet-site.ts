/** A centre as an operator finds it in a browser: villages with some days behind them, and a login. */
import type { BrowserContextOptions, Page } from 'playwright-core';
import { telemetryId } from '../../shared/documents.js';
import { type Clock, formatInstant, sleep, systemClock } from '../../shared/time.js';
import { Centre, json, type VillageLogin } from '../server/support/centre.js';
import { reading, type Sent } from '../server/support/documents.js';
import { VillageRegistry } from '../server/support/village-registry.js';
import type { OpenPage, TestBrowser } from './browser.js';

type Role = 'admin' | 'analyst';

/** Now, or some time ago. */
class BackdatedClock implements Clock {
  behindMs = 0;

  now(): number {
    return Date.now() - this.behindMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }
}

export const HOSTILE = '<img src=x onerror=alert(1)>';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** So long a file of tests may go on about the day on which it began. */
const ROOM_MS = 5 * 60_000;
/** For a hook that waits for the next day. */
export const NEXT_DAY_TIMEOUT_MS = ROOM_MS + 90_000;

/** Waits for the next day (UTC) where this one ends soon: what is measured of the days before today must stay so. */
export async function awaitRoomInDay(): Promise<void> {
  const leftMs = DAY_MS - (Date.now() % DAY_MS);
  if (leftMs < ROOM_MS) await sleep(leftMs + 1_000);
}

export class FleetSite {
  readonly centre: Centre;
  readonly #clock: BackdatedClock;
  readonly #registries: VillageRegistry[] = [];

  private constructor(centre: Centre, clock: BackdatedClock) {
    this.centre = centre;
    this.#clock = clock;
  }

  static async start(): Promise<FleetSite> {
    const clock = new BackdatedClock();
    return new FleetSite(await Centre.start('embedded', { clock }), clock);
  }

  /** What the work does happens so long ago, by the centre's clock. */
  async ago<Result>(ms: number, work: () => Promise<Result>): Promise<Result> {
    this.#clock.behindMs = ms;
    try {
      return await work();
    } finally {
      this.#clock.behindMs = 0;
    }
  }

  async add(id: string, fields: object = {}): Promise<VillageLogin> {
    const response = await this.centre.admin('/v1/villages', json({ id, ...fields }));
    if (response.status !== 201) throw new Error(`adding ${id} answered ${response.status}`);
    return (await response.json()) as VillageLogin;
  }

  /** Hourly readings of the whole days (UTC) before today, but for the days named as so many ago. */
  async measure(login: VillageLogin, { days = 6, without = [] as readonly number[] } = {}): Promise<void> {
    const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const docs: Sent[] = [];
    for (let day = days; day >= 1; day--) {
      if (without.includes(day)) continue;
      for (let hour = 0; hour < 24; hour++) {
        const atMs = todayMs - day * DAY_MS + hour * HOUR_MS;
        const fields = { device: 'main', at: formatInstant(atMs) };
        const values = { powerW: 200 + hour, energyKwh: (atMs / HOUR_MS) % 10_000, batterySocPct: 50 + hour };
        const _id = telemetryId(login.id, 'reading', fields);
        docs.push(reading(login.id, docs.length, { ...fields, ...values, _id }));
      }
    }
    await this.centre.push(login, docs);
  }

  /** The village's own registry, which replicates when it is told to. */
  async registryOf(login: VillageLogin): Promise<VillageRegistry> {
    const opened = await VillageRegistry.open({ centre: this.centre, login });
    this.#registries.push(opened);
    return opened;
  }

  async put(village: string, document: string, body: object, headers: Record<string, string> = {}): Promise<void> {
    const path = `/v1/villages/${village}/registry/${document}`;
    const there = await this.centre.admin(path);
    const tag = there.headers.get('etag');
    await there.arrayBuffer();
    const sent = json(body, { ...headers, ...(tag === null ? {} : { 'If-Match': tag }) }, 'PUT');
    const response = await this.centre.admin(path, sent);
    if (response.status >= 300) throw new Error(`${document} answered ${response.status}: ${await response.text()}`);
  }

  async documentOf(village: string, document: string): Promise<Record<string, unknown>> {
    const response = await this.centre.admin(`/v1/villages/${village}/registry/${document}`);
    return (await response.json()) as Record<string, unknown>;
  }

  /** A page that is logged in, at `hash`. */
  async open(
    browser: TestBrowser,
    { role = 'admin', hash = '#/', ...options }: { role?: Role; hash?: string } & BrowserContextOptions = {},
  ): Promise<OpenPage> {
    const opened = await browser.open(`${this.centre.url}/dashboard`, options);
    const { page } = opened;
    await page.locator('#token').fill(this.centre.tokens[role]);
    await page.keyboard.press('Enter');
    await page.locator('body[data-role]').waitFor();
    if (hash !== '#/') await page.goto(`${this.centre.url}/dashboard${hash}`);
    return opened;
  }

  async stop(): Promise<void> {
    for (const one of this.#registries) await one.close();
    await this.centre.stop();
  }
}

export async function textOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`#${id}`).textContent()) ?? '';
}

/** Presses a key until the focus is where it is wanted; fails when it cannot be reached. */
export async function pressUntil(page: Page, key: string, selector: string): Promise<void> {
  for (let n = 0; n < 150; n++) {
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the keyboard does not get to ${selector}`);
}
