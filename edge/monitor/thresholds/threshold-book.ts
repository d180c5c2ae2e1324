/**
 * All series and all thresholds: takes what is stored, in the order in which it is stored, and says what is to be told.
 * It does nothing itself, and given the same it says the same, so that after a crash it can be given again what it may
 * have missed.
 *
 * - A reading that is not newer than the newest seen of its series changes nothing, and one more than a day old raises
 *   nothing. One that lies ahead of a clock that is sure counts as taken now, in the order in which it came: nothing that
 *   is kept of it lies ahead, and so it keeps no other back and no alert open.
 * - Times given by a clock that is unsure and by one that is sure are not compared: when that changes, or an unsure clock
 *   steps, what comes next counts as newest.
 * - What there is to tell stays until its own event is seen among what is stored, so that after a crash between the two
 *   nothing is told twice.
 */
import { formatInstant } from '../../../shared/time.js';
import { nextSeriesState, type Observation, type OpenAlert, type SeriesState } from './series-state.js';
import type { OpenSeries, StoredDocument, ThresholdNews, ThresholdRecord } from './threshold-records.js';
import { breachOf, type IgnoredThreshold, type ThresholdRule, type ThresholdRules } from './threshold-rules.js';

export interface ThresholdBookLimits {
  /** Whose newest times are known; the ones known longest are forgotten first. */
  devices: number;
  /** Series beyond a threshold; more are not followed. */
  beyond: number;
  untold: number;
}

const DEFAULT_LIMITS: ThresholdBookLimits = { devices: 10_000, beyond: 5_000, untold: 5_000 };
const DAY_MS = 86_400_000;
const LAST_INSTANT = '9999-12-31T23:59:59.999Z';
/** How far ahead of the node's clock a device's may be. */
export const AHEAD_MS = 600_000;

interface Entry {
  rule: ThresholdRule;
  series: Map<string, SeriesState>;
}

/** Instants between which a reading's time is believed. */
interface Judging {
  nowAt: string;
  aheadAt: string;
  oldAt: string;
}

interface Watched {
  field: string;
  entries: Entry[];
}

export class ThresholdBook {
  readonly #limits: ThresholdBookLimits;
  #entries = new Map<string, Entry>();
  /** The same by field: what a reading is held against. */
  #watched: readonly Watched[] = [];
  /** By device: for each of the fields watched the time of the newest reading that has it, empty before the first. */
  #newest = new Map<string, string[]>();
  #ignored: readonly IgnoredThreshold[] = [];
  #untold: ThresholdNews[] = [];
  #isUnsure = false;
  #beyond = 0;
  #unfollowed = 0;

  constructor(record?: ThresholdRecord, limits: ThresholdBookLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    if (!record) return;
    this.#isUnsure = record.isUnsure;
    this.#untold = [...record.untold];
    for (const [rule, series] of record.rules) this.#entries.set(rule.id, { rule, series: new Map(series) });
    this.#newest = new Map(record.newest.map(([device, times]) => [device, [...times]]));
    this.#watch(record.fields);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get ignored(): readonly IgnoredThreshold[] {
    return this.#ignored;
  }

  /** What has to be told, oldest first. */
  get untold(): readonly ThresholdNews[] {
    return this.#untold;
  }

  /** How many readings beyond a threshold were not followed, because too many series are beyond one already. */
  get unfollowed(): number {
    return this.#unfollowed;
  }

  get record(): ThresholdRecord {
    return {
      isUnsure: this.#isUnsure,
      fields: this.#watched.map(({ field }) => field),
      newest: [...this.#newest].map(([device, times]) => [device, [...times]]),
      rules: [...this.#entries.values()].map(({ rule, series }) => [rule, [...series]]),
      untold: [...this.#untold],
    };
  }

  /** Oldest first. */
  openSeries(): OpenSeries[] {
    const open: OpenSeries[] = [];
    for (const { rule, series } of this.#entries.values()) {
      for (const [device, state] of series) {
        if (state.open) open.push({ threshold: rule.id, device, field: rule.field, ...state.open });
      }
    }
    return open.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
  }

  /** Takes documents just stored, or stored since; the clock was unsure for all of them or for none. */
  take(documents: readonly StoredDocument[], { isUnsure, nowMs }: { isUnsure: boolean; nowMs: number }): void {
    if (isUnsure !== this.#isUnsure) this.#forgetOrder(isUnsure, nowMs);
    const aheadAt = isUnsure ? LAST_INSTANT : instant(nowMs + AHEAD_MS);
    const nowAt = instant(nowMs);
    const oldAt = isUnsure ? '' : instant(nowMs - DAY_MS);
    for (const { type, fields } of documents) {
      if (type === 'reading') this.#takeReading(fields, { nowAt, aheadAt, oldAt });
      else if (type === 'event') this.#takeEvent(fields, nowMs);
    }
  }

  /** Its event is stored. */
  noteTold(news: ThresholdNews): void {
    const index = this.#untold.indexOf(news);
    if (index >= 0) this.#untold.splice(index, 1);
  }

  #takeReading(fields: Readonly<Record<string, unknown>>, { nowAt, aheadAt, oldAt }: Judging): void {
    const watched = this.#watched;
    for (let index = 0; index < watched.length; index++) {
      const { field, entries } = watched[index] as Watched;
      const value = fields[field];
      if (typeof value !== 'number') continue;
      const device = fields.device as string;
      const at = fields.at as string;
      const isAhead = at > aheadAt;
      const when = isAhead ? nowAt : at;
      const newest = this.#newest.get(device) ?? this.#remember(device);
      const last = newest[index] ?? '';
      if (!isAhead && when <= last && last <= aheadAt) continue;
      newest[index] = when;
      for (const entry of entries) {
        const { rule, series } = entry;
        if (rule.device !== undefined && rule.device !== device) continue;
        // Nearly all readings are within, and those of all but a few series follow one that was.
        if (!breachOf(rule, value) && !(series.size > 0 && series.has(device))) continue;
        this.#step(entry, device, { value, at: when, mayRaise: at >= oldAt }, at);
      }
    }
  }

  #remember(device: string): string[] {
    if (this.#newest.size >= this.#limits.devices) forgetFirst(this.#newest);
    const newest = this.#watched.map(() => '');
    this.#newest.set(device, newest);
    return newest;
  }

  /** `toldAt`: the reading's own time, which is told of it. */
  #step({ rule, series }: Entry, device: string, seen: Observation, toldAt: string): void {
    const before = series.get(device);
    if (!before && this.#beyond >= this.#limits.beyond) {
      this.#unfollowed++;
      return;
    }
    const { state, effect } = nextSeriesState(rule, before, seen);
    this.#put(series, device, state);
    const alert = state?.open ?? before?.open;
    if (!effect || !alert) return;
    const isCleared = effect === 'cleared';
    this.#note(rule, device, effect, alert, {
      at: toldAt,
      value: seen.value,
      ...(isCleared ? { reason: 'within' as const } : {}),
    });
  }

  #put(series: Map<string, SeriesState>, device: string, state: SeriesState | undefined): void {
    const before = series.size;
    if (state) series.set(device, state);
    else series.delete(device);
    this.#beyond += series.size - before;
  }

  #note(
    { id: threshold, field }: ThresholdRule,
    device: string,
    state: ThresholdNews['state'],
    { since, bound, limit }: OpenAlert,
    seen: Pick<ThresholdNews, 'at' | 'value' | 'reason'>,
  ): void {
    this.#untold.push({ state, threshold, device, field, bound, limit, since, ...seen });
    if (this.#untold.length > this.#limits.untold) this.#untold.shift();
  }

  #takeEvent(fields: Readonly<Record<string, unknown>>, nowMs: number): void {
    if (fields.event === 'clock-step') this.#forgetOrder(this.#isUnsure, nowMs);
    if (fields.event !== 'threshold') return;
    const index = this.#untold.findIndex(({ state, threshold, device, at }) => {
      return fields.state === state && fields.threshold === threshold && fields.device === device && fields.at === at;
    });
    if (index >= 0) this.#untold.splice(index, 1);
  }

  /** Times seen until now say nothing of those to come; alerts that are open stay, and are heard of now. */
  #forgetOrder(isUnsure: boolean, nowMs: number): void {
    this.#isUnsure = isUnsure;
    this.#newest.clear();
    for (const { series } of this.#entries.values()) {
      for (const [device, { open }] of series) {
        this.#put(series, device, open ? { since: open.since, open: { ...open, lastAt: instant(nowMs) } } : undefined);
      }
    }
  }

  /**
   * Goes on by other thresholds. An alert stays open where its last reading is beyond the limit of before as it is now.
   */
  apply({ rules, ignored }: ThresholdRules, nowMs: number): void {
    this.#ignored = ignored;
    const before = this.#entries;
    this.#entries = new Map();
    for (const rule of rules) {
      const entry: Entry = { rule, series: new Map() };
      this.#entries.set(rule.id, entry);
      const old = before.get(rule.id);
      before.delete(rule.id);
      if (old) this.#carryOver(old, entry, nowMs);
    }
    for (const { rule, series } of before.values()) {
      const reason = ignored.some(({ id }) => id === rule.id) ? 'ignored' : 'deleted';
      for (const [device, state] of series) this.#close(rule, device, state, reason, nowMs);
    }
    this.#watch(this.#watched.map(({ field }) => field));
  }

  #carryOver(old: Entry, { rule, series }: Entry, nowMs: number): void {
    const isSame = JSON.stringify(old.rule) === JSON.stringify(rule);
    for (const [device, state] of old.series) {
      const { open, raisedAt } = state;
      const applies = rule.field === old.rule.field && (rule.device === undefined || rule.device === device);
      const breach = open && applies ? breachOf(rule, open.value) : undefined;
      if (isSame) series.set(device, state);
      else if (open && breach) series.set(device, { ...state, open: { ...open, ...breach } });
      else {
        this.#close(old.rule, device, state, 'edited', nowMs);
        if (applies && raisedAt !== undefined) series.set(device, { raisedAt });
      }
    }
  }

  #close(
    rule: ThresholdRule,
    device: string,
    { open }: SeriesState,
    reason: NonNullable<ThresholdNews['reason']>,
    nowMs: number,
  ): void {
    if (open) this.#note(rule, device, 'cleared', open, { at: instant(nowMs), value: open.value, reason });
  }

  /** Closes the alerts of series of which nothing came for a day; to be asked while the clock is sure. */
  closeSilent(nowMs: number): void {
    // Times that an unsure clock gave cannot be held against one that is sure.
    if (this.#isUnsure) return;
    const [nowAt, silentAt] = [instant(nowMs), instant(nowMs - DAY_MS)];
    for (const { rule, series } of this.#entries.values()) {
      for (const [device, state] of series) {
        const { open } = state;
        // By a device's clock, which may be some minutes ahead.
        if (open && open.lastAt > nowAt) series.set(device, { ...state, open: { ...open, lastAt: nowAt } });
        if (!open || open.lastAt >= silentAt) continue;
        this.#close(rule, device, state, 'silent', nowMs);
        this.#put(series, device, undefined);
      }
    }
  }

  /** `fields` are those watched until now, in the order in which the newest times are kept. */
  #watch(fields: readonly string[]): void {
    const watched = new Map<string, Entry[]>();
    this.#beyond = 0;
    for (const entry of this.#entries.values()) {
      this.#beyond += entry.series.size;
      const { field } = entry.rule;
      watched.set(field, [...(watched.get(field) ?? []), entry]);
    }
    this.#watched = [...watched].map(([field, entries]) => ({ field, entries }));
    const places = this.#watched.map(({ field }) => fields.indexOf(field));
    for (const [device, times] of this.#newest) {
      this.#newest.set(
        device,
        places.map((place) => times[place] ?? ''),
      );
    }
  }
}

function forgetFirst(map: Map<string, unknown>): void {
  const first = map.keys().next();
  if (!first.done) map.delete(first.value);
}

/** A clock may show any time; instants kept are of the years 0000 to 9999. */
function instant(ms: number): string {
  return formatInstant(Math.min(Math.max(ms, 0), Date.parse(LAST_INSTANT)));
}
