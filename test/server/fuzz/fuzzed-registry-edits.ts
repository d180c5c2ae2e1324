/** Fuzzed requests about the registry at the centre, as analysts and admins send them. */
import type { SeededRandom } from '../../../sim/random.js';
import { encoded, textOf } from './fuzzed-text.js';
import { hostileText, hostileValue, pick } from './hostile-values.js';

export interface RegistryEditDraft {
  method: string;
  path: string;
  as: 'analyst' | 'admin';
  text?: string;
}

const DOCUMENTS = {
  device: { model: 'DDS-1', serial: 'A1', role: 'customer' },
  tariff: { currency: 'XAF', pricePerKwh: 120, validFrom: '2099-01-01' },
  threshold: { field: 'voltageV', low: 200, high: 250 },
  profile: { name: 'Site' },
};

export function registryEditDraft(random: SeededRandom, village: string): RegistryEditDraft {
  const who = encoded(random.chance(0.9) ? village : hostileText(random));
  const type = random.chance(0.9) ? pick(random, Object.keys(DOCUMENTS)) : hostileText(random);
  const id = encoded(random.chance(0.7) ? `d${random.integer(0, 5)}` : hostileText(random));
  const path = `${encoded(type)}/${id}`;
  const kind = random.integer(0, 9);
  if (kind < 3) {
    const list = pick(random, [
      'registry',
      `registry/${encoded(type)}`,
      `registry/${path}`,
      `registry/${path}/history`,
    ]);
    const query = random.chance(0.5)
      ? ''
      : `?limit=${encoded(hostileText(random))}&before=${encoded(hostileText(random))}`;
    return {
      method: 'GET',
      path: `/v1/villages/${who}/${random.chance(0.3) ? 'history' : list}${query}`,
      as: 'analyst',
    };
  }
  if (kind === 3) {
    const query = random.chance(0.5) ? `?cursor=${encoded(hostileText(random))}` : `?village=${who}&limit=3`;
    return { method: 'GET', path: `/v1/conflicts${query}`, as: 'analyst' };
  }
  if (kind === 4) {
    const choice = random.chance(0.5) ? { keep: hostileText(random) } : { doc: documentOf(random, type) };
    return { method: 'POST', path: `/v1/villages/${who}/conflicts/${path}`, as: 'admin', text: textOf(random, choice) };
  }
  if (kind === 5) return { method: 'DELETE', path: `/v1/villages/${who}/registry/${path}`, as: 'admin' };
  if (kind < 8) {
    const text = textOf(random, documentOf(random, type));
    return { method: 'PUT', path: `/v1/villages/${who}/registry/${path}`, as: 'admin', text };
  }
  const villages = random.chance(0.7) ? [village, hostileText(random)] : hostileSelection(random);
  const text = textOf(random, { villages, doc: documentOf(random, type) });
  return { method: 'POST', path: `/v1/registry/${path}`, as: 'admin', text };
}

function documentOf(random: SeededRandom, type: string): unknown {
  const right = Object.entries(DOCUMENTS).find(([name]) => name === type)?.[1] ?? {};
  if (random.chance(0.3)) return right;
  return random.chance(0.9) ? { ...right, [hostileText(random)]: hostileValue(random) } : hostileValue(random);
}

/** Not all of them: a campaign makes many villages. */
function hostileSelection(random: SeededRandom): unknown {
  const value = random.chance(0.5) ? { region: hostileText(random) } : hostileValue(random);
  return value === 'all' ? [] : value;
}
