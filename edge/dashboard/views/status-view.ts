/** Link, data, drain, synchronisation and disk, from the node's status. */

import { byId, setText, show } from '../../../shared/dashboard/elements.js';
import type { DrainEstimate } from '../drain-estimate.js';
import type { EdgePage } from '../edge-page.js';
import type { ShownError, ShownStatus } from '../node-answers.js';

/** Fewer come and go with every reading. */
const SHOWN_DRAIN = 50;

export function showStatus(page: EdgePage, status: ShownStatus, drain: DrainEstimate): void {
  showLink(page, status);
  showData(page, status);
  showDrain(page, drain);
  showSync(page, status);
  showDisk(page, status);
  const { node, version, village } = status;
  setText('version', page.words.say('page.version', { node, version }));
  const title = page.words.say('page.title', { village });
  if (document.title !== title) document.title = title;
}

function showLink(page: EdgePage, { link, sync }: ShownStatus): void {
  const { words } = page;
  const hasCentre = sync.state !== 'stopped';
  setText('link-state', words.say(`link.${link.state}`), `state ${link.state}`);
  setText('link-since', words.say('link.since', whenOf(page, link.since)));
  const why: string[] = [];
  if (!hasCentre) why.push(words.say('link.none'));
  else if (link.lastError) why.push(reasonOf(page, link.lastError));
  if (hasCentre && (link.state === 'offline' || link.state === 'blocked')) why.push(words.say('link.safe'));
  setText('link-why', why.join(' '));
  show('link-details', link.lastError !== undefined);
  setText('link-exact', link.lastError?.message ?? '');
}

function reasonOf({ words }: EdgePage, { tag = '', status }: ShownError): string {
  if (status === 401) return words.say('link.why.credential');
  if (status === 403) return words.say('link.why.forbidden');
  return words.find(`link.why.${tag}`, { status: String(status ?? '') }) ?? words.say('link.why.REQUEST_ERROR');
}

function showData(page: EdgePage, { store }: ShownStatus): void {
  const { words, formats } = page;
  setText('pending', formats.number(store.pending));
  const { oldestPendingAt } = store;
  const isWaiting = store.pending > 0 && oldestPendingAt !== undefined;
  const { time, ago } = isWaiting ? whenOf(page, oldestPendingAt) : { time: '', ago: '' };
  setText('oldest', isWaiting ? `${time} (${ago})` : words.say('page.none'));
  setText('quarantined', formats.number(store.quarantined), store.quarantined > 0 ? 'warning' : '');
  setText('lost', formats.number(store.lost), store.lost > 0 ? 'bad' : '');
  setText('stored', formats.number(store.lastSeq));
  const isSafe = store.pending === 0 && store.quarantined === 0 && store.lost === 0;
  setText('data-safe', isSafe ? words.say('data.safe') : '', 'good');
}

function showDrain({ words, formats }: EdgePage, drain: DrainEstimate): void {
  const { view } = drain;
  const isShown = view !== undefined && view.total >= SHOWN_DRAIN;
  show('drain', isShown);
  if (!isShown) return;
  byId('drain-bar', HTMLProgressElement).value = view.done / view.total;
  const [done, total] = [formats.number(view.done), formats.number(view.total)];
  setText('drain-text', words.say('drain.progress', { done, total }));
  const { left } = view;
  if (typeof left === 'string') setText('drain-left', words.say(`drain.${left}`));
  else {
    const rate = formats.number(Math.round(left.perMinute));
    setText('drain-left', words.say('drain.left', { time: formats.duration(left.seconds), rate }));
  }
}

function showSync(page: EdgePage, { sync }: ShownStatus): void {
  const { words } = page;
  const never = words.say('page.never');
  setText('sync-last', page.time(sync.lastSuccessAt, never));
  setText('sync-forced', page.time(sync.lastForcedSuccessAt, never));
  setText('sync-next', page.time(sync.nextForcedAt, words.say('sync.none')));
  setText('sync-paused', sync.pausedBy?.includes('storage') ? words.say('sync.paused') : '', 'bad');
}

function showDisk({ words, formats }: EdgePage, { store }: ShownStatus): void {
  const [used, capacity] = [formats.bytes(store.bytes), formats.bytes(store.capacityBytes)];
  byId('disk-bar', HTMLMeterElement).value = store.usedPct;
  setText('disk-text', words.say('disk.used', { used, capacity, percent: formats.percent(store.usedPct) }));
}

function whenOf(page: EdgePage, at: string): { time: string; ago: string } {
  const [ms, nowMs] = [Date.parse(at), page.now()];
  return { time: page.formats.time(ms, nowMs), ago: page.formats.ago(Math.min(ms, nowMs), nowMs) };
}
