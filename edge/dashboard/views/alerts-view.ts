/** What a person should know, and what to do about it. */
import { byId, element } from '../../../shared/dashboard/elements.js';
import type { EdgePage } from '../edge-page.js';
import type { ShownAlert } from '../node-answers.js';

export function showAlerts(page: EdgePage, alerts: readonly ShownAlert[]): void {
  const list = byId('alerts-list', HTMLElement);
  if (alerts.length === 0) {
    list.replaceChildren(element('li', { class: 'good' }, element('span', {}, page.words.say('alerts.none'))));
    return;
  }
  list.replaceChildren(...alerts.map((alert) => cardOf(page, alert)));
}

function cardOf(page: EdgePage, { code, severity, since, message }: ShownAlert): HTMLElement {
  const { words } = page;
  const title = words.find(`alert.${code}`) ?? words.say('alert.other');
  const todo = words.find(`alert.${code}.todo`) ?? words.say('alert.other.todo');
  const isUrgent = severity === 'critical';
  return element(
    'li',
    { class: isUrgent ? 'critical' : 'warning' },
    element('strong', {}, words.say(isUrgent ? 'alerts.critical' : 'alerts.warning', { title })),
    element('p', {}, todo),
    element('p', { class: 'quiet' }, words.say('alerts.since', { time: page.time(since, words.say('page.unknown')) })),
    element('p', { class: 'quiet', lang: 'en' }, message),
  );
}
