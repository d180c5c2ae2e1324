import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { NodeStatus } from '../../../edge/api/status.js';
import { EN } from '../../../edge/dashboard/words/en.js';
import { FR } from '../../../edge/dashboard/words/fr.js';
import { DICTIONARIES } from '../../../edge/dashboard/words/words.js';
import { Words } from '../../../shared/dashboard/words.js';
import { placesOf } from '../../support/dictionary-places.js';

type AlertCode = NodeStatus['alerts'][number]['code'];
const CODES = {
  pending: true,
  storage: true,
  quarantine: true,
  lost: true,
  blocked: true,
  refusals: true,
  'tls-clock': true,
  clock: true,
  repaired: true,
  'no-forced-sync': true,
  registry: true,
  stalled: true,
  threshold: true,
} as const;
/** Does not compile where a code is missing above. */
const ALL_CODES: Readonly<Record<AlertCode, true>> = CODES;
const TAGS = ['TIMEOUT', 'CONNECTION_ERROR', 'DNS_ERROR', 'TLS_ERROR', 'HTTP_ERROR', 'REQUEST_ERROR'];

function wordsOf(language: string) {
  return new Words(DICTIONARIES, language);
}

describe('the dashboard’s dictionaries', () => {
  it('have the same keys, each with a text, and the same places for values in it', () => {
    expect(Object.keys(FR)).to.deep.equal(Object.keys(EN));
    for (const [key, text] of Object.entries(EN)) {
      const french: string = FR[key as keyof typeof EN];
      expect(french.trim(), key).to.not.equal('');
      expect(placesOf(french), key).to.deep.equal(placesOf(text));
    }
  });

  it('say for every alert and every failure of the link what it is and what to do', () => {
    for (const language of ['en', 'fr']) {
      const words = wordsOf(language);
      for (const code of Object.keys(ALL_CODES)) {
        expect(words.find(`alert.${code}`), `${language} ${code}`).to.be.a('string');
        expect(words.find(`alert.${code}.todo`), `${language} ${code}`).to.match(/\.$/);
      }
      for (const tag of TAGS) expect(words.find(`link.why.${tag}`), `${language} ${tag}`).to.match(/\.$/);
    }
  });

  it('fill places with values as they are, and answer English for a language there is no dictionary of', () => {
    expect(wordsOf('sw').say('data.retried', { released: '{quarantined}', quarantined: '$&' })).to.equal(
      '{quarantined} taken now, $& still refused.',
    );
    expect(wordsOf('fr').find('constructor')).to.equal(undefined);
  });
});
