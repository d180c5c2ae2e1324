/** What every part of the fleet's page works with. */
import type { Page } from '../../../shared/dashboard/page.js';
import type { WordKey } from './words/en.js';

export type FleetPage = Page<WordKey>;

export interface Visitor {
  page: FleetPage;
  /** False for analysts, who look only. */
  mayEdit: boolean;
}

const AUTHOR = 'solar-fleet-author';

/** The name that edits are signed with: one token may serve several people. Empty where none was given. */
export function authorName(): string {
  return localStorage.getItem(AUTHOR) ?? '';
}

export function keepAuthorName(name: string): void {
  localStorage.setItem(AUTHOR, name.trim());
}

/** For requests that edit. Header values are bytes, and a name may be any letters. */
export function authorHeaders(): Record<string, string> {
  const name = authorName();
  if (name === '') return {};
  return { 'X-Author': String.fromCharCode(...new TextEncoder().encode(name)) };
}

export function villagePath(id: string): string {
  return `/v1/villages/${encodeURIComponent(id)}`;
}

export function villageLink(id: string): string {
  return `#/villages/${encodeURIComponent(id)}`;
}
