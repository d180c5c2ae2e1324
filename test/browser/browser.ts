/** A real browser for tests: Debian's Chromium, or the one CHROMIUM names, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before } from 'mocha';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const HOW_TO_GET_IT =
  'skipped: there is no Chromium; "apt-get install chromium" brings one, or CHROMIUM names the program of another';

export interface OpenPage {
  page: Page;
  /** Errors of the console and of scripts so far. */
  troubles: string[];
  close(): Promise<void>;
}

export interface TestBrowser {
  open(url: string, options?: BrowserContextOptions): Promise<OpenPage>;
}

/** Inside a `describe`: a browser for its tests, which are skipped with a sentence where there is none. */
export function useBrowser(): TestBrowser {
  let browser: Browser | undefined;
  before(async function () {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    if (!existsSync(executablePath)) {
      process.stderr.write(`  ${HOW_TO_GET_IT}\n`);
      this.skip();
    }
    this.timeout(60_000);
    // In a container there is often no other user to be, and no shared memory to speak of.
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  });
  after(async () => {
    await browser?.close();
  });
  return {
    async open(url, options = {}) {
      if (!browser) throw new Error('the browser runs only while a test does');
      const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Africa/Douala', ...options });
      const page = await context.newPage();
      const troubles: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
      });
      page.on('pageerror', (error) => troubles.push(error.message));
      page.on('dialog', (dialog) => {
        troubles.push(`a dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== new URL(url).origin) troubles.push(`asked for ${request.url()}`);
      });
      await page.goto(url);
      return { page, troubles, close: () => context.close() };
    },
  };
}

/** What axe-core finds that is serious or worse, as sentences. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as {
    id: string;
    impact: string;
    nodes: { html: string }[];
  }[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
