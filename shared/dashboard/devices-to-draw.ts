/** Of which device there is most to draw. Pure. */

export const BATTERY = 'batterySocPct';
/** What is drawn, each by the names it is measured under. */
const DRAWN = [['powerW', 'powerKw'], ['energyKwh', 'periodKwh'], [BATTERY]];

export interface KnownOfDevices {
  /** As the registry has it. */
  role(device: string): unknown;
  /** Whether its newest reading holds a measurement. */
  measures(device: string, name: string): boolean;
}

/**
 * The totalizer first, which measures everything and is registered or named as such, then those with most to draw, then
 * by name.
 */
export function mostToDrawFirst(devices: Iterable<string>, { role, measures }: KnownOfDevices): string[] {
  const score = (device: string) =>
    ([role(device), device].includes('totalizer') ? 10 : 0) +
    DRAWN.filter((names) => names.some((name) => measures(device, name))).length;
  return [...devices].sort((a, b) => score(b) - score(a) || (a < b ? -1 : 1));
}
