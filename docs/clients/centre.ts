/** The centre with fetch. CENTRE is where it answers, TOKEN the analyst's token. */
import { readFile, rename, writeFile } from 'node:fs/promises';

const CENTRE = process.env.CENTRE ?? 'http://127.0.0.1:8090';
const VILLAGE = process.env.VILLAGE ?? 'bamenda';
const CURSOR_FILE = process.env.CURSOR_FILE ?? 'cursor.txt';

async function ask(path: string, query: Record<string, string> = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
  const response = await fetch(`${CENTRE}${path}?${new URLSearchParams(query)}`, { headers });
  if (response.ok) return response;
  throw new Error(`${response.status}: ${await response.text()}`);
}

/** One by one, however many there are. An answer that breaks off throws. */
export async function* readings(village: string, query: Record<string, string>): AsyncGenerator<object> {
  const { body } = await ask(`/v1/villages/${village}/readings`, { format: 'ndjson', ...query });
  let rest = '';
  for await (const part of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as object;
  }
}

/** Hands on what arrived since the last call; the cursor is kept once `take` has a page. */
export async function changes(take: (documents: object[]) => void | Promise<void>): Promise<void> {
  let since = await readFile(CURSOR_FILE, 'utf8').catch(() => undefined);
  for (;;) {
    const response = await ask('/v1/changes', { limit: '1000', ...(since === undefined ? {} : { since }) });
    const page = (await response.json()) as { items: object[]; next: string; more: boolean };
    await take(page.items);
    since = page.next;
    await writeFile(`${CURSOR_FILE}.new`, since);
    await rename(`${CURSOR_FILE}.new`, CURSOR_FILE);
    if (!page.more) return;
  }
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

print(await (await ask('/v1/villages')).json());
print(await (await ask(`/v1/villages/${VILLAGE}`)).json());
const day = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' };
for await (const reading of readings(VILLAGE, day)) print(reading);
const arrived: object[] = [];
await changes((documents) => void arrived.push(...documents));
print(arrived.length);
const energy = { from: '2026-03-01', to: '2026-03-02', step: 'day', tz: 'Africa/Douala' };
print(await (await ask(`/v1/villages/${VILLAGE}/energy`, energy)).json());
