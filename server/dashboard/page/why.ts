/** Why a village needs somebody, in words: what it needs somebody for most comes first. Pure but for the words. */
import type { Page } from '../../../shared/dashboard/page.js';
import type { ShownVillage } from './fleet-answers.js';
import type { WordKey } from './words/en.js';

type FleetPage = Page<WordKey>;

export function nameOf({ id, name, profile }: ShownVillage): string {
  return profile?.name ?? name ?? id;
}

/** Undefined where it is not known where the village is. */
export function placeOf({ lat, lon, profile }: ShownVillage): { lat: number; lon: number } | undefined {
  if (typeof lat === 'number' && typeof lon === 'number') return { lat, lon };
  if (typeof profile?.lat === 'number' && typeof profile.lon === 'number')
    return { lat: profile.lat, lon: profile.lon };
  return undefined;
}

/** At least one sentence. */
export function whyOf(page: FleetPage, village: ShownVillage): string[] {
  const { words } = page;
  const found = [
    ...silenceOf(page, village),
    ...lossOf(page, village),
    ...refusalOf(page, village),
    ...backlogOf(page, village),
    ...alertsOf(page, village),
    ...gapsOf(page, village),
  ];
  if ((village.openConflicts ?? 0) > 0) {
    found.push(words.say('why.conflicts', { count: page.formats.number(village.openConflicts ?? 0) }));
  }
  return found.length > 0 ? found : [words.say(village.disabled ? 'why.disabled' : 'why.none')];
}

function silenceOf(page: FleetPage, { need, silent, disabled, lastContactAt, createdAt }: ShownVillage): string[] {
  const { words } = page;
  if (need === 'awaited') return [words.say('why.awaited', whenOf(page, createdAt))];
  if (!silent || disabled) return [];
  if (lastContactAt === undefined) return [words.say('why.never', whenOf(page, createdAt))];
  return [words.say('why.silent', whenOf(page, lastContactAt))];
}

function lossOf({ words, formats }: FleetPage, village: ShownVillage): string[] {
  const lost = lostOf(village);
  return lost > 0 ? [words.say('why.lost', { count: formats.number(lost) })] : [];
}

function refusalOf(page: FleetPage, village: ShownVillage): string[] {
  const { need, lastFailureAt, lastFailureStatus } = village;
  if (need !== 'blocked' || lastFailureAt === undefined || lastFailureStatus === undefined) return [];
  return [page.words.say('why.refused', { ...whenOf(page, lastFailureAt), status: String(lastFailureStatus) })];
}

/** The few that any village has on their way are no reason. */
function backlogOf(page: FleetPage, { need, pending = 0, oldestPendingAt }: ShownVillage): string[] {
  if (pending === 0 || need === 'none') return [];
  const count = page.formats.number(pending);
  if (oldestPendingAt === undefined) return [page.words.say('why.pending', { count })];
  return [page.words.say('why.behind', { count, ...whenOf(page, oldestPendingAt) })];
}

function gapsOf({ words, formats }: FleetPage, village: ShownVillage): string[] {
  const count = missingOf(village)?.unexplained ?? 0;
  const isPartly = (village.numbers ? village.numbers.partly : village.missingPartly) !== undefined;
  return [
    ...(count > 0 ? [words.say('why.unexplained', { count: formats.number(count) })] : []),
    ...(isPartly ? [words.say('why.partly')] : []),
  ];
}

/** What the figures have said already is not said again. */
function alertsOf({ words }: FleetPage, village: ShownVillage): string[] {
  const isSaid = (code: string) => code === 'pending' || (code === 'lost' && lostOf(village) > 0);
  return (village.alerts ?? [])
    .filter(({ code }) => !isSaid(code))
    .map(({ code, message }) => words.find(`alert.${code}`) ?? message ?? words.say('alert.other'));
}

/** As its node reported, or as the centre has found. */
function lostOf(village: ShownVillage): number {
  return Math.max(village.report?.accounted?.lost ?? 0, missingOf(village)?.lost ?? 0);
}

/** The list tells what was found last, a village's own page what is found now. */
function missingOf({ missing, numbers }: ShownVillage): Record<string, number> | undefined {
  return numbers?.missing ?? missing;
}

export function whenOf(page: FleetPage, at: string): { time: string; ago: string } {
  const [ms, nowMs] = [Date.parse(at), page.now()];
  return { time: page.formats.time(ms, nowMs), ago: page.formats.ago(Math.min(ms, nowMs), nowMs) };
}
