/** What the fleet's page reads and writes as text: words, cells of CSV, fields of documents, days. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Need } from '../../../../server/analyst/need.js';
import { NEEDS, type ShownVillage } from '../../../../server/dashboard/page/fleet-answers.js';
import { dateOf, daysBetween, isShort, ticksOf } from '../../../../server/dashboard/page/period.js';
import { differences, documentOf, editedFields } from '../../../../server/dashboard/page/registry-fields.js';
import { whyOf } from '../../../../server/dashboard/page/why.js';
import { EN } from '../../../../server/dashboard/page/words/en.js';
import { FR } from '../../../../server/dashboard/page/words/fr.js';
import { DICTIONARIES } from '../../../../server/dashboard/page/words/words.js';
import { Page } from '../../../../shared/dashboard/page.js';
import { REGISTRY_TYPES } from '../../../../shared/registry/registry-documents.js';
import { placesOf } from '../../../support/dictionary-places.js';

/** Does not compile where the page and the centre differ. */
const ALL_NEEDS: readonly Need[] = NEEDS;
const HOUR_MS = 3_600_000;

describe('the words of the fleet’s page', () => {
  it('are the same in both languages, each with a text, and the same places for values in it', () => {
    expect(Object.keys(FR)).to.deep.equal(Object.keys(EN));
    for (const [key, text] of Object.entries(EN)) {
      const french: string = FR[key as keyof typeof EN];
      expect(french.trim(), key).to.not.equal('');
      expect(placesOf(french), key).to.deep.equal(placesOf(text));
    }
  });

  it('name every need and every type of document', () => {
    for (const words of Object.values(DICTIONARIES)) {
      expect(words).to.include.keys(ALL_NEEDS.map((need) => `need.${need}`));
      expect(words).to.include.keys(REGISTRY_TYPES.map((type) => `type.${type}`));
    }
  });
});

describe('why a village needs somebody', () => {
  it('is told on its own page, which asks anew, as in the list, which shows what was found last', () => {
    const page = new Page(DICTIONARIES, 'en', ['en']);
    const createdAt = '2026-01-01T00:00:00.000Z';
    const village: ShownVillage = { id: 'kano', createdAt, need: 'alerts', silent: false, disabled: false };
    const missing = { lost: 2, unexplained: 5 };
    const listed = whyOf(page, { ...village, missing });
    expect(listed.join(' ')).to.match(/^2 documents were lost .* 5 of its numbers are missing/);
    const numbers = { held: 1, missing, nodes: [] };
    expect(whyOf(page, { ...village, numbers })).to.deep.equal(listed);
    const partly = whyOf(page, { ...village, missing, missingPartly: 'left out' });
    expect(partly.join(' ')).to.match(/nobody has told why\. .* what is missing is not all known/);
    expect(whyOf(page, { ...village, numbers: { ...numbers, partly: 'left out' } })).to.deep.equal(partly);
  });
});

describe('the backlog of a village', () => {
  it('is told as what its node last reported, and not of a village that needs nobody', () => {
    const page = new Page(DICTIONARIES, 'en', ['en']);
    const createdAt = '2026-01-01T00:00:00.000Z';
    const village: ShownVillage = { id: 'kano', createdAt, need: 'behind', silent: false, disabled: false, pending: 7 };
    expect(whyOf(page, village)).to.deep.equal(['7 documents waited there when it last reported.']);
    const [told] = whyOf(page, { ...village, oldestPendingAt: createdAt });
    expect(told).to.match(/^7 documents waited there when it last reported, the oldest from /);
    expect(whyOf(page, { ...village, need: 'none' })).to.deep.equal(['Nothing needs attention.']);
  });

  it('is not made up of one that was not heard of yet', () => {
    const page = new Page(DICTIONARIES, 'en', ['en']);
    const createdAt = '2026-01-01T00:00:00.000Z';
    const village: ShownVillage = { id: 'kano', createdAt, need: 'awaited', silent: false, disabled: false };
    expect(whyOf(page, village).join(' ')).to.match(/^Not heard of yet; added .* ago \(.*\)\.$/);
  });
});

describe('a document as it is edited', () => {
  const say = (problem: string, field: string) => `${field} ${problem}`;

  it('comes out of its form as it went in, fields nobody knows here included', () => {
    const document = { currency: 'XAF', pricePerKwh: 0.25, bands: [{ from: 0, to: 6 }], isOld: true, note: '12' };
    const fields = editedFields('tariff', { ...document, _id: 'tariff:a', _rev: '1-a', author: 'x', editedAt: '' });
    expect(fields.map(({ name }) => name)).to.include.members(['validFrom', 'note']);
    const all = fields.map((field) => ({ ...field, shown: '' }));
    expect(documentOf({}, all, say)).to.deep.equal(document);
  });

  it('keeps what nobody touched as it is, what no input can show included', () => {
    const before = { name: 'Kno', contact: 'Amina\n+237', note: '', blank: ' ', lat: 9.5, big: 1e21, isOld: null };
    const shown = editedFields('profile', before).map((field) => {
      const text = field.text.replaceAll('\n', '');
      return { ...field, text, shown: text };
    });
    expect(documentOf(before, shown, say)).to.deep.equal(before);
    const typed = shown.map((field) => (field.name === 'name' ? { ...field, text: 'Kano' } : field));
    expect(documentOf(before, typed, say)).to.deep.equal({ ...before, name: 'Kano' });
    // Somebody else has changed it meanwhile.
    const there = { name: 'Kanoo', contact: 'Bello', roof: 'tin' };
    expect(documentOf(there, typed, say)).to.deep.equal({ ...there, name: 'Kano' });
  });

  it('takes numbers with a comma, leaves empty fields out, and names the field that cannot be read', () => {
    const typed = (text: string) => [{ name: 'lat', kind: 'number' as const, text, shown: '8' }];
    const before = { lat: 8 };
    expect(documentOf(before, typed('9,5'), say)).to.deep.equal({ lat: 9.5 });
    expect(documentOf(before, typed(' '), say)).to.deep.equal({});
    expect(() => documentOf(before, typed('north'), say)).to.throw('lat number');
    expect(() => documentOf(before, typed('"9"'), say)).to.throw('lat number');
    expect(() => documentOf({}, [{ name: 'bands', kind: 'json', text: '[', shown: '' }], say)).to.throw('bands json');
  });

  it('tells which fields somebody else has changed', () => {
    expect(differences({ a: 1, b: [1], c: 'x' }, { a: 1, b: [2], d: 0 })).to.deep.equal(['b', 'c', 'd']);
  });
});

describe('a period', () => {
  it('is whole days of this machine’s zone, and no longer than a year', () => {
    const { fromMs, toMs } = daysBetween('2026-03-01', '2026-03-02') ?? { fromMs: 0, toMs: 0 };
    expect(toMs - fromMs).to.equal(48 * HOUR_MS);
    expect(new Date(fromMs).getHours()).to.equal(0);
    for (const [first, last] of [
      ['2026-03-02', '2026-03-01'],
      ['2020-01-01', '2026-03-01'],
      ['', '2026-03-01'],
    ] as const) {
      expect(daysBetween(first, last), `${first} ${last}`).to.equal(undefined);
    }
  });

  it('has few ticks, all of them within it', () => {
    for (const hours of [1, 24, 168, 720, 8_784]) {
      const period = { fromMs: 1_000, toMs: 1_000 + hours * HOUR_MS };
      const ticks = ticksOf(period, 340);
      expect(ticks.length, String(hours)).to.be.within(1, 5);
      for (const tick of ticks) expect(tick).to.be.within(period.fromMs, period.toMs);
    }
  });

  it('has one tick of a day at most where dates are shown, over days on which clocks change too', () => {
    const toMs = Date.parse('2026-04-02T10:20:00Z');
    for (const days of [2.5, 3, 7, 8, 30, 90, 366]) {
      const period = { fromMs: toMs - days * 24 * HOUR_MS, toMs };
      expect(isShort(period)).to.equal(false);
      const dates = ticksOf(period, 1_000).map(dateOf);
      expect(dates, String(days)).to.have.length.within(2, 14);
      expect(new Set(dates).size, String(days)).to.equal(dates.length);
      for (const tick of ticksOf(period, 1_000)) expect(new Date(tick).getHours()).to.equal(0);
    }
  });
});
