/**
 * What a village's registry says of the village, as its record keeps it for lists. Only fields known here, and only where
 * they are well-formed: a village's node may write what it likes. Pure.
 */
import type { RegistryView } from '../../shared/registry/registry-view.js';

export interface VillageProfile {
  name?: string;
  place?: string;
  lat?: number;
  lon?: number;
  pvKwp?: number;
  batteryKwh?: number;
}

const MAX_TEXT = 200;
const MAX_POWER = 1e6;

/** Of several profiles the first one by id; undefined where there is none, or nothing in it. */
export function profileIn(views: readonly RegistryView[]): VillageProfile | undefined {
  const [view] = views;
  const profile: VillageProfile = {};
  for (const name of ['name', 'place'] as const) {
    const value = view?.[name];
    if (typeof value === 'string' && value !== '' && value.isWellFormed()) profile[name] = value.slice(0, MAX_TEXT);
  }
  for (const [name, low, high] of NUMBERS) {
    const value = view?.[name];
    if (typeof value === 'number' && value >= low && value <= high) profile[name] = value;
  }
  return Object.keys(profile).length === 0 ? undefined : profile;
}

const NUMBERS = [
  ['lat', -90, 90],
  ['lon', -180, 180],
  ['pvKwp', 0, MAX_POWER],
  ['batteryKwh', 0, MAX_POWER],
] as const;
