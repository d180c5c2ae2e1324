import { expect } from 'chai';
import { describe, it } from 'mocha';
import { measuredValues } from '../../../edge/dashboard/measured-values.js';

describe('what a reading holds, in few words', () => {
  it('is its usual values with their units, those that matter most first, then others by name', () => {
    const values = { voltageMinV: 219, powerFactor: 0.9, voltageV: 223, energyKwh: 240.4, state: 'on', powerW: 0 };
    expect(measuredValues(values, 5, String)).to.deep.equal([
      ...['on', '0\u00a0W', '240.4\u00a0kWh', '223\u00a0V', 'voltageMinV 219'],
    ]);
    expect(measuredValues(values, 2, String)).to.deep.equal(['on', '0\u00a0W']);
  });

  it('keeps names apart from what any object has, and takes any value', () => {
    const values = { toString: [1], constructor: null, batterySocPct: 51 };
    expect(measuredValues(values, 9, (value) => JSON.stringify(value))).to.deep.equal([
      ...['51\u00a0%', 'toString [1]', 'constructor null'],
    ]);
    expect(measuredValues({}, 4, String)).to.deep.equal([]);
  });
});
