/**
 * The figures behind docs/scaling.md: what telemetry and small registry databases cost a CouchDB. Run by itself, with
 * COUCHDB_URL (and COUCHDB_USER, COUCHDB_PASSWORD) and, to be told of memory and files as well, COUCHDB_PID:
 *
 *     COUCHDB_URL=http://127.0.0.1:5984 node dist/bench/scaling.js [--small]
 *
 * Telemetry goes straight to CouchDB, set up as the centre does it. Everything made there has a name of its own and is
 * deleted again.
 */
import { AppError } from '../shared/app-error.js';
import { createProgram, printError, runProgram } from '../shared/cli.js';
import { version } from '../shared/version.js';
import { couchdbUrl } from '../test/support/couchdb.js';
import { type Load, METERS } from './scaling/batches.js';
import { measureRegistries } from './scaling/registries.js';
import { measureTelemetry, rebuildIndex } from './scaling/telemetry.js';
import { timeVillages } from './scaling/villages.js';

const program = createProgram('solar-sync scaling', 'Measures what villages cost a CouchDB.', version)
  .option('--small', 'a hundredth of it: shows that it works')
  .option('--only <part,…>', 'thousands2, registries, fifties, thousands1')
  .allowExcessArguments(false)
  .action(async (flags: { small?: boolean; only?: string }) => {
    const couchdb = couchdbUrl();
    if (!couchdb) throw new AppError('usage', 'COUCHDB_URL is not set: there is nothing to measure');
    const share = flags.small ? 100 : 1;
    const thousands = (documents: number, inFlight: number): Load => {
      const villages = flags.small ? 2 : 10;
      return { villages, perVillage: Math.max(1_000, documents / share / villages), batch: 1_000, inFlight };
    };
    const nothing = async () => undefined;
    const parts: Record<string, () => Promise<void>> = {
      thousands2: () => measureTelemetry(couchdb, thousands(200_000, 2), nothing),
      registries: () => measureRegistries(couchdb, 1_000 / share),
      fifties: () => {
        const load: Load = { villages: 1_000 / share, perVillage: METERS, batch: METERS, inFlight: 2 };
        return measureTelemetry(couchdb, load, (prefix) => timeVillages(couchdb, prefix, load.villages));
      },
      thousands1: () => {
        const load = thousands(40_000, 1);
        return measureTelemetry(couchdb, load, (prefix) => rebuildIndex(couchdb, prefix, load));
      },
    };
    const wanted = flags.only?.split(',') ?? Object.keys(parts);
    for (const name of wanted) {
      const part = parts[name];
      if (!part)
        throw new AppError('usage', `--only: ${JSON.stringify(name)} is none of ${Object.keys(parts).join(', ')}`);
      printError(`${name} …`);
      await part();
    }
  });

process.exitCode = await runProgram(program, process.argv);
