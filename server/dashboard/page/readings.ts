/** Readings of a village, as far as charts need them: read as CSV, a tenth of what JSON takes, and line by line. */
import type { Point } from '../../../shared/dashboard/line.js';
import { ask, askJson, linesOf } from '../../../shared/dashboard/requests.js';
import { villagePath } from './fleet-page.js';
import type { Period } from './period.js';

/** More are not drawn: some thirty days of one a minute. */
export const MAX_READINGS = 50_000;

export interface Series {
  /** By field. */
  points: Map<string, Point[]>;
  /** True where there were more readings than are drawn. */
  isCut: boolean;
}

export interface SeriesQuery extends Period {
  village: string;
  device: string;
  fields: readonly string[];
}

export async function readSeries(query: SeriesQuery, signal: AbortSignal): Promise<Series> {
  const { village, device, fields, fromMs, toMs } = query;
  const parameters = parametersOf({ fromMs, toMs }, device);
  parameters.set('format', 'csv');
  parameters.set('fields', fields.join());
  const response = await ask(`${villagePath(village)}/readings?${parameters}`, { signal });
  const points = new Map<string, Point[]>(fields.map((field) => [field, []]));
  let columns: string[] | undefined;
  let count = 0;
  for await (const line of linesOf(response)) {
    const cells = cellsOf(line);
    if (!columns) {
      columns = cells;
      continue;
    }
    if (++count > MAX_READINGS) return { points, isCut: true };
    const atMs = Date.parse(cells[columns.indexOf('at')] ?? '');
    if (Number.isNaN(atMs)) continue;
    for (const [field, list] of points) {
      const text = cells[columns.indexOf(field)] ?? '';
      if (text !== '' && Number.isFinite(Number(text))) list.push({ atMs, value: Number(text) });
    }
  }
  return { points, isCut: false };
}

/** Devices heard of last, with the fields of their newest reading there. */
export async function recentDevices(village: string, nowMs: number): Promise<Map<string, Set<string>>> {
  // A device whose clock is ahead has nothing to draw yet.
  const to = encodeURIComponent(new Date(nowMs).toISOString());
  const path = `${villagePath(village)}/readings?order=desc&limit=300&to=${to}`;
  const { items } = await askJson<{ items: { device: string; [field: string]: unknown }[] }>(path);
  const found = new Map<string, Set<string>>();
  for (const { device, ...fields } of items) if (!found.has(device)) found.set(device, new Set(Object.keys(fields)));
  return found;
}

/** Every device with a reading, however old. */
export async function allDevices(village: string): Promise<string[]> {
  const { items } = await askJson<{ items: { device: string }[] }>(`${villagePath(village)}/devices`);
  return items.map(({ device }) => device);
}

/** Where a file of a period is. */
export function filePath(village: string, kind: 'readings' | 'predictions', period: Period, device?: string): string {
  const parameters = parametersOf(period, device);
  parameters.set('format', 'csv');
  return `${villagePath(village)}/${kind}?${parameters}`;
}

function parametersOf({ fromMs, toMs }: Period, device: string | undefined): URLSearchParams {
  const parameters = new URLSearchParams(device === undefined ? {} : { device });
  parameters.set('from', new Date(fromMs).toISOString());
  parameters.set('to', new Date(toMs).toISOString());
  return parameters;
}

/** Of a line of CSV (RFC 4180) without line breaks in its cells. */
export function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells: string[] = [];
  for (const [, quoted, plain = ''] of `${line},`.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*)),/g)) {
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
  }
  return cells;
}
