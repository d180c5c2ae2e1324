/** One village: what it needs, its charts, numbers, contacts, conflicts and registry. */
import { ConflictsView } from '../../../../shared/dashboard/conflicts-view.js';
import { byId, element, setText } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { ShownAlert, ShownVillage } from '../fleet-answers.js';
import { authorHeaders, type Visitor, villagePath } from '../fleet-page.js';
import { needIcon } from '../need-mark.js';
import { nameOf, whenOf, whyOf } from '../why.js';
import { AlertHistory } from './alert-history.js';
import { ChartsView } from './charts-view.js';
import { ContactsView } from './contacts-view.js';
import { DocumentEditor } from './document-editor.js';
import { NumbersView } from './numbers-view.js';
import { PeriodView } from './period-view.js';
import { PushDialog } from './push-dialog.js';
import { RegistryView } from './registry-view.js';

/** Of the village shown before. */
const EMPTIED = [
  ...['village-why', 'village-facts', 'village-alerts', 'village-trouble'],
  ...['charts', 'charts-note', 'contacts-text', 'contacts-chart'],
];

export class VillageView {
  readonly #visitor: Visitor;
  readonly #period: PeriodView;
  readonly #charts: ChartsView;
  readonly #contacts: ContactsView;
  readonly #earlier: AlertHistory;
  readonly #numbers: NumbersView;
  readonly #registry: RegistryView;
  #conflicts: ConflictsView | undefined;
  #village = '';
  #header = '';

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
    const { page } = visitor;
    this.#charts = new ChartsView(page);
    this.#contacts = new ContactsView(page);
    this.#earlier = new AlertHistory(page);
    this.#numbers = new NumbersView(page);
    this.#period = new PeriodView(page, () => void this.showPeriod());
    const editor = new DocumentEditor(page, () => void this.refresh());
    this.#registry = new RegistryView(visitor, editor, new PushDialog(page));
  }

  /** Shows another village. */
  async open(village: string): Promise<void> {
    this.#village = village;
    this.#header = '';
    setText('village-name', village);
    this.#earlier.open(village);
    this.#registry.open(village);
    this.#numbers.clear();
    this.#contacts.stop();
    this.#charts.stop();
    for (const id of EMPTIED) byId(id, HTMLElement).replaceChildren();
    this.#conflicts?.close();
    const path = villagePath(village);
    this.#conflicts = new ConflictsView(this.#visitor.page, {
      listPath: `/v1/conflicts?village=${encodeURIComponent(village)}`,
      settlePath: `${path}/conflicts`,
      canSettle: this.#visitor.mayEdit,
      headers: authorHeaders,
      onSettled: () => void this.refresh(),
    });
    await this.#try(Promise.all([this.#readAll(village), this.#period.open(village)]));
  }

  /** Asks for everything anew that changes by itself, but for the charts. */
  async refresh(): Promise<void> {
    const village = this.#village;
    if (village === '') return;
    await this.#try(this.#readAll(village));
  }

  /** Draws the charts of the period anew. */
  async showPeriod(): Promise<void> {
    const { choice } = this.#period;
    await Promise.all([this.#charts.show(choice), this.#contacts.show(this.#village, this.#period.period)]);
  }

  /** Where the period moves with the clock. */
  async followClock(): Promise<void> {
    if (this.#period.isMoving) await this.showPeriod();
  }

  close(): void {
    this.#village = '';
    this.#charts.stop();
    this.#contacts.stop();
  }

  /** Tells of a failure, unless another village is shown by then. */
  async #try(work: Promise<unknown>): Promise<void> {
    const village = this.#village;
    const trouble = await work.then(
      () => '',
      (error: unknown) => failureOf(this.#visitor.page, error),
    );
    if (village === this.#village) setText('village-trouble', trouble, 'bad');
  }

  async #readAll(village: string): Promise<void> {
    const conflicts = this.#conflicts?.refresh() ?? Promise.resolve();
    await Promise.all([this.#readVillage(village), conflicts, this.#registry.refresh()]);
  }

  async #readVillage(id: string): Promise<void> {
    const village = await askJson<ShownVillage>(villagePath(id));
    if (id !== this.#village) return;
    this.#showHeader(village);
    this.#numbers.take(village);
  }

  #showHeader(village: ShownVillage): void {
    const { page } = this.#visitor;
    const { words } = page;
    const name = nameOf(village);
    const facts = this.#factsOf(village);
    const why = whyOf(page, village);
    const text = JSON.stringify([name, village.need, why, facts, village.alerts]);
    if (text === this.#header) return;
    this.#header = text;
    setText('village-name', name === village.id ? name : `${name} (${village.id})`);
    const title = words.say('page.title.village', { village: name });
    if (document.title !== title) document.title = title;
    const state = element('strong', { class: `need ${village.need}` }, words.say(`need.${village.need}`));
    byId('village-why', HTMLElement).replaceChildren(needIcon(village.need), state, ' ', why.join(' '));
    const rows = facts.map(([term, value]) => element('div', {}, element('dt', {}, term), element('dd', {}, value)));
    byId('village-facts', HTMLElement).replaceChildren(...rows);
    const alerts = (village.alerts ?? []).map((alert) => this.#alertOf(alert));
    const none = element('li', { class: 'good' }, element('span', {}, words.say('alerts.none')));
    byId('village-alerts', HTMLElement).replaceChildren(...(alerts.length > 0 ? alerts : [none]));
  }

  #factsOf(village: ShownVillage): [term: string, value: string][] {
    const { page } = this.#visitor;
    const { words, formats } = page;
    const { profile, report, pending } = village;
    const when = (at: string | undefined) => {
      if (at === undefined) return words.say('page.never');
      const { time, ago } = whenOf(page, at);
      return `${time} (${ago})`;
    };
    const given = (term: Parameters<typeof words.say>[0], value: string | undefined): [string, string][] =>
      value === undefined || value === '' ? [] : [[words.say(term), value]];
    const number = (value: number | undefined, unit: string) =>
      typeof value === 'number' ? `${formats.number(value)} ${unit}`.trim() : undefined;
    return [
      ...given('fact.place', [profile?.place, village.region].filter(Boolean).join(', ')),
      ...given('fact.pv', number(profile?.pvKwp, 'kWp')),
      ...given('fact.battery', number(profile?.batteryKwh, 'kWh')),
      ...given('fact.contact', when(village.lastContactAt)),
      ...given('fact.document', when(village.lastDocumentAt)),
      ...given('fact.report', when(village.reportedAt)),
      ...given('fact.pending', pending === undefined ? undefined : formats.number(pending)),
      ...given('fact.lost', number(report?.accounted?.lost, '')),
      ...given('fact.disk', report?.disk?.usedPct === undefined ? undefined : formats.percent(report.disk.usedPct)),
      ...given('fact.version', report?.version),
    ];
  }

  #alertOf({ code, severity, since, message = '' }: ShownAlert): HTMLElement {
    const { page } = this.#visitor;
    const { words } = page;
    const isUrgent = severity === 'critical';
    const title = words.find(`alert.${code}`) ?? words.say('alert.other');
    const time = page.time(since, words.say('page.unknown'));
    return element(
      'li',
      { class: isUrgent ? 'critical' : 'warning' },
      element('strong', {}, words.say(isUrgent ? 'alerts.critical' : 'alerts.warning', { title })),
      element('p', { class: 'quiet' }, words.say('alerts.since', { time })),
      element('p', { class: 'quiet', lang: 'en' }, message),
    );
  }
}
