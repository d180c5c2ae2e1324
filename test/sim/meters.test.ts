import { expect } from 'chai';
import { describe, it } from 'mocha';
import { predictionSchema, readingSchema, telemetryId } from '../../shared/documents.js';
import { createVillage, MINUTE_MS, type PostedFields, villageHeartbeat } from '../../sim/meters.js';
import { SeededRandom, seedFor } from '../../sim/random.js';
import { itWithSeed } from '../support/seeds.js';

const START_MS = Date.parse('2026-03-01T00:00:00Z');

function play(seed: number, meters: number, hours: number): { readings: PostedFields[]; predictions: PostedFields[] } {
  let state = createVillage({ meters, seed, startAtMs: START_MS, utcOffsetH: 3 });
  const readings: PostedFields[] = [];
  const predictions: PostedFields[] = [];
  for (let minute = 1; minute <= hours * 60; minute++) {
    const heartbeat = villageHeartbeat(state, START_MS + minute * MINUTE_MS);
    state = heartbeat.state;
    readings.push(...heartbeat.readings);
    predictions.push(...heartbeat.predictions);
  }
  return { readings, predictions };
}

const ofDevice = (readings: PostedFields[], device: string) => readings.filter((reading) => reading.device === device);

describe('the simulated devices of a village', () => {
  itWithSeed('send the same documents for the same seed, others for another', (_random, seed) => {
    const first = play(seed, 5, 6);
    expect(play(seed, 5, 6)).to.deep.equal(first);
    expect(play(seed + 1, 5, 6)).to.not.deep.equal(first);
  });

  itWithSeed('send documents a node takes, each under an id of its own', (_random, seed) => {
    const { readings, predictions } = play(seed, 7, 24);
    for (const reading of readings)
      expect(readingSchema.safeParse(reading).error, JSON.stringify(reading)).to.equal(undefined);
    for (const prediction of predictions) expect(predictionSchema.safeParse(prediction).error).to.equal(undefined);
    const ids = [
      ...readings.map((fields) => telemetryId('kitui', 'reading', fields)),
      ...predictions.map((fields) => telemetryId('kitui', 'prediction', fields)),
    ];
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('send every 15 minutes from each meter, every minute from the plant, and forecasts every hour', () => {
    const { readings, predictions } = play(1, 3, 24);
    expect(ofDevice(readings, 'meter-0001')).to.have.length(96);
    expect(ofDevice(readings, 'meter-0003')).to.have.length(96);
    expect(ofDevice(readings, 'totalizer')).to.have.length(96);
    expect(ofDevice(readings, 'inverter')).to.have.length(1440);
    expect(ofDevice(readings, 'battery')).to.have.length(1440);
    expect(readings).to.have.length(4 * 96 + 2 * 1440);
    expect(predictions).to.have.length(24 * 6);
    expect(predictions[0]).to.include({
      model: 'load-forecast',
      at: '2026-03-01T01:00:00.000Z',
      for: '2026-03-01T02:00:00.000Z',
    });
  });

  itWithSeed(
    'have registers that are the sum of their periods, and a totalizer that is the sum of the meters',
    (_random, seed) => {
      const { readings } = play(seed, 4, 24);
      const whOf = (device: string, field: string) =>
        ofDevice(readings, device).map((reading) => Math.round(Number(reading[field]) * 1000));
      const periods = [0, 0];
      for (const [i, devices] of [['meter-0001', 'meter-0002', 'meter-0003', 'meter-0004'], ['totalizer']].entries()) {
        for (const device of devices) {
          const registers = whOf(device, 'energyKwh');
          const energies = whOf(device, 'periodKwh');
          for (let n = 1; n < registers.length; n++)
            expect(Number(registers[n]) - Number(registers[n - 1])).to.equal(energies[n]);
          periods[i] = Number(periods[i]) + energies.reduce((sum, wh) => sum + wh, 0);
        }
      }
      expect(periods[0]).to.equal(periods[1]);
      expect(periods[0]).to.be.greaterThan(0);
    },
  );

  itWithSeed('stay within what is physically possible', (_random, seed) => {
    const { readings } = play(seed, 4, 48);
    for (const reading of readings) {
      if (reading.voltageV !== undefined) {
        expect(Number(reading.voltageMinV)).to.be.at.most(Number(reading.voltageV));
        expect(Number(reading.voltageMaxV)).to.be.at.least(Number(reading.voltageV));
        expect(reading.frequencyHz).to.be.within(49, 51);
      }
      if (reading.batterySocPct !== undefined) expect(reading.batterySocPct).to.be.within(10, 100);
      if (reading.irradianceWm2 !== undefined) expect(reading.irradianceWm2).to.be.within(0, 1100);
    }
    const night = readings.find(({ device, at }) => device === 'inverter' && at === '2026-03-01T20:00:00.000Z');
    expect(night).to.include({ powerW: 0, state: 'standby' });
    expect(Math.max(...ofDevice(readings, 'inverter').map(({ powerW }) => Number(powerW)))).to.be.greaterThan(0);
  });
});

describe('seeded random numbers', () => {
  it('are the same stream for the same seed and go on from a state', () => {
    const first = new SeededRandom(7);
    const numbers = [first.next(), first.next(), first.next()];
    const again = new SeededRandom(7);
    expect(again.next()).to.equal(numbers[0]);
    const resumed = new SeededRandom(again.state);
    expect([resumed.next(), resumed.next()]).to.deep.equal(numbers.slice(1));
  });

  itWithSeed('are spread evenly over [0, 1) and whole ranges', (random) => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const n = random.integer(0, 9);
      tenths[n] = Number(tenths[n]) + 1;
    }
    for (const share of tenths) expect(share).to.be.within(800, 1200);
  });

  it('differ by name', () => {
    expect(seedFor(1, 'bamenda')).to.not.equal(seedFor(1, 'kitui'));
    expect(seedFor(1, 'kitui')).to.equal(seedFor(1, 'kitui'));
  });
});
