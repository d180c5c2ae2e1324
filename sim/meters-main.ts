/**
 * The devices of one village, posting to a node that runs elsewhere: what the image `meters` of `compose.yaml` starts.
 * They run by the clock, minute by minute, so a restart never gives a time twice.
 */
import { AppError } from '../shared/app-error.js';
import { addSettings, createProgram, EXIT, print, runProgram, settingsOf } from '../shared/cli.js';
import { sleep } from '../shared/time.js';
import { version } from '../shared/version.js';
import { interruption } from './interruption.js';
import { MeterFleet } from './meter-fleet.js';
import { METER_SETTINGS } from './meter-settings.js';
import { seedFor } from './random.js';

const LOOK_EVERY_MS = 1_000;
const SEED = 1;

const program = createProgram('solar-sync meters', 'Simulated devices of a village, posting to its node.', version);
addSettings(program, METER_SETTINGS).action(async () => {
  const settings = settingsOf(program, METER_SETTINGS);
  const ending = interruption();
  const fleet = new MeterFleet({
    ...{ nodeUrl: settings.NODE_URL, nodeToken: settings.EDGE_TOKEN, meters: settings.METERS, speed: 1 },
    seed: seedFor(SEED, settings.VILLAGE_ID),
    startAtMs: Date.now(),
    utcOffsetH: settings.UTC_OFFSET_HOURS,
  });
  await fleet.start();
  print(`${settings.METERS} meters, an inverter and a battery post to ${settings.NODE_URL}`);
  while (!ending.aborted && !fleet.failure) await sleep(LOOK_EVERY_MS, ending);
  await fleet.stop();
  if (fleet.failure) throw new AppError(fleet.failure.code, `the node refuses the meters: ${fleet.failure.message}`);
  print(`the meters have stopped; the node has acknowledged ${fleet.counts.acknowledged} documents`);
  process.exitCode = EXIT.ok;
});

process.exitCode = await runProgram(program, process.argv);
