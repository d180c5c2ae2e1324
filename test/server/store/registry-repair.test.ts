/** A village's registry in the embedded store when its files are damaged. */
import { cp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe } from 'mocha';
import { anyVillage, GatewayCentre } from '../../edge/push/support/centres.js';
import { RegistrySite } from '../../edge/registry/support/registry-site.js';
import { chooseFiles, damageFile } from '../../support/file-damage.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';

const ROUNDS = 4;

describe("a village's registry whose files at the centre are damaged", () => {
  const folder = useTempFolder();
  const village = anyVillage();
  let centre: GatewayCentre;
  let access: { url: string; user: string; password: string };
  let node: RegistrySite;
  let sites = 0;

  const site = () => RegistrySite.start({ folder: path.join(folder.path, `${sites++}`), village, ...access });
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    const { CENTRAL_PASSWORD: password = '' } = await centre.settingsFor(village);
    access = { url: centre.url, user: village, password };
    node = await site();
  });
  afterEach(async () => {
    await node.stop();
    await centre.stop();
  });

  itWithSeed(
    'is mended, and has everything again that the village holds, with what is edited meanwhile',
    async (random) => {
      for (let n = 0; n < 30; n++) {
        await node.put('device', `m${n}`, { model: 'DDS-353', serial: String(n), role: 'customer' });
      }
      await node.put('device', 'm1', { model: 'DDS-353', serial: 'new', role: 'customer' });
      await node.remove('device', 'm2');
      await node.sync.sync();
      const registry = path.join(centre.folder, 'registry', village);
      const whole = path.join(folder.path, 'whole');
      await centre.whileStopped(() => cp(registry, whole, { recursive: true }));
      for (let round = 0; round < ROUNDS; round++) {
        const damage: string[] = [];
        await centre.whileStopped(async () => {
          await rm(registry, { recursive: true });
          await cp(whole, registry, { recursive: true });
          for (const name of chooseFiles(await readdir(registry), random)) {
            damage.push(await damageFile(registry, name, random));
          }
        });
        await node.put('device', 'm3', { model: 'DDS-353', serial: `round ${round}`, role: 'customer' });
        await node.sync.sync();
        const witness = await site();
        try {
          await witness.sync.sync();
          expect(await witness.shown(), damage.join('; ')).to.deep.equal(await node.shown());
        } finally {
          await witness.stop();
        }
      }
    },
  );
});
