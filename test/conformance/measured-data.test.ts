import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { baseEnvironment, programEntry } from '../../sim/processes.js';
import { GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite } from '../edge/push/support/edge-site.js';
import { SKIPPED_COUCHDB, STORES } from '../server/support/stores.js';
import { useTempFolder } from '../support/temp-folder.js';

const run = promisify(execFile);

/** Measured data that lies beside the project, where there is any: `../shared/data` as seen from its root. */
const DATA = path.resolve(projectRoot(), '..', 'shared', 'data');

const FILES = [
  {
    name: 'serf_east_1min_ac_power.csv',
    flags: ['--time', 'measured_on'],
    columns: { ac_power__752: 'powerKw' },
  },
  {
    name: 'nrel_RSF_II.csv',
    flags: ['--time', '', '--tz', 'America/Denver'],
    columns: { ac_power_kw_1137: 'powerKw', inv2_dc_current__1049: 'currentA', poa_irradiance__1055: 'irradianceWm2' },
  },
  {
    name: 'rmis_weather_data.csv',
    flags: ['--time', '#1', '--tz', 'UTC-7'],
    columns: { 'Ambient Temperature': 'temperatureC', 'Plane of array': 'irradianceWm2' },
  },
];

for (const kind of STORES) {
  describe(`measured data, from a file through a node to a centre (${kind})${SKIPPED_COUCHDB}`, () => {
    const folder = useTempFolder();
    let centre: GatewayCentre;
    let site: EdgeSite;

    beforeEach(async () => {
      centre = await GatewayCentre.start(kind);
      site = await EdgeSite.start('golden', folder.path, await centre.settingsFor('golden'));
    });

    afterEach(async () => {
      await site.stop();
      await centre.stop();
    });

    for (const { name, flags, columns } of FILES) {
      it(`is at the centre row by row, and importing ${name} again adds nothing`, async function () {
        this.timeout(90_000);
        const file = path.join(DATA, name);
        if (!existsSync(file)) return this.skip();
        const expected = await rowsOf(file, columns);
        const map = Object.entries(columns).map(([column, field]) => `${column}=${field}`);
        const args = ['import-csv', file, '--device', 'plant', ...flags, '--map', map.join(',')];
        for (const accepted of [expected.length, 0]) {
          const call = [programEntry('edge'), ...args, '--edge', site.url, '--json'];
          const { stdout } = await run(process.execPath, call, { env: baseEnvironment() });
          const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
          expect(last).to.include({ event: 'done', ok: true, accepted, duplicates: expected.length - accepted });
        }
        expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
        const held = (await centre.documents('golden')).map(
          ({ _id, _rev, type, village, node, seq, boot, ...row }) => row,
        );
        expect(held).to.deep.equal(expected);
      });
    }
  });
}

/**
 * The file's rows as an independent reader sees them: all three were measured at UTC-7, in winter or with the offset
 * given.
 */
async function rowsOf(file: string, columns: Record<string, string>): Promise<object[]> {
  const [header = [], ...rows] = (await readFile(file, 'utf8'))
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  return rows.flatMap(([time = '', ...cells]) => {
    const at = new Date(`${time.replace(/-07:00$/, '')} -07:00`).toISOString();
    const values = Object.entries(columns).flatMap(([column, field]) => {
      const cell = cells[header.indexOf(column) - 1] ?? '';
      return cell === '' ? [] : [[field, Number(cell)] as const];
    });
    return values.length === 0 ? [] : [{ device: 'plant', at, ...Object.fromEntries(values) }];
  });
}

function projectRoot(): string {
  // Compiled tests lie in <root>/<output>/test/conformance.
  return fileURLToPath(new URL('../../../', import.meta.url));
}
