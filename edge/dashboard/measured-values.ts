/** What a reading holds, in few words: the usual values with their units first, others by name. Pure. */

/** The usual names of the field, in the order in which they matter to somebody who looks at a device. */
const UNITS: ReadonlyMap<string, string> = new Map([
  ['state', ''],
  ['powerW', 'W'],
  ['powerKw', 'kW'],
  ['batterySocPct', '%'],
  ['energyKwh', 'kWh'],
  ['voltageV', 'V'],
  ['currentA', 'A'],
  ['frequencyHz', 'Hz'],
  ['irradianceWm2', 'W/m²'],
  ['temperatureC', '°C'],
]);

/** At most `most` of them, each such as "12 W" or "phaseShift 3"; `format` makes text of a value. */
export function measuredValues(
  values: Readonly<Record<string, unknown>>,
  most: number,
  format: (value: unknown) => string,
): string[] {
  const usual = [...UNITS.keys()].filter((name) => Object.hasOwn(values, name));
  const others = Object.keys(values).filter((name) => !UNITS.has(name));
  return [...usual, ...others].slice(0, most).map((name) => {
    const unit = UNITS.get(name);
    const text = format(values[name]);
    if (unit === undefined) return `${name} ${text}`;
    // Not to be torn apart at the end of a line.
    return unit === '' ? text : `${text}\u00a0${unit}`;
  });
}
