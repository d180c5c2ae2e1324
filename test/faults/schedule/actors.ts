/** Node and centre of a fault schedule: in the test's process, or real processes that are killed. */
import type { ProgramClient } from '../../../shared/http/client.js';
import { type Clock, sleep } from '../../../shared/time.js';
import { GatewayCentre } from '../../edge/push/support/centres.js';
import { EdgeSite, type SiteSettings } from '../../edge/push/support/edge-site.js';
import { centreProgram, edgeProgram } from '../../support/programs.js';

export interface NodeActor {
  /** Where it answers; throws while it is nowhere. */
  readonly url: string;
  /** Ends it, abruptly where it can be, and starts it again. */
  restart(downMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface CentreActor {
  readonly url: string;
  readonly analyst: ProgramClient;
  /** Adds the village and answers its credential. */
  addVillage(id: string): Promise<string>;
  restart(downMs: number): Promise<void>;
  /** Only a centre in the test's process can be given another past. */
  memory: Pick<GatewayCentre, 'backUp' | 'restoreBackup' | 'wipe'> | undefined;
  stop(): Promise<void>;
}

export async function nodeInProcess(
  village: string,
  folder: string,
  settings: SiteSettings,
  clock: Clock,
): Promise<NodeActor> {
  const site = await EdgeSite.start(village, folder, settings, clock);
  return {
    get url() {
      return site.url;
    },
    async restart(downMs) {
      await site.stop();
      await sleep(downMs);
      await site.restart();
    },
    stop: () => site.stop(),
  };
}

export async function nodeProcess(village: string, folder: string, settings: SiteSettings): Promise<NodeActor> {
  const program = await edgeProgram({ villageId: village, dataPath: folder, env: settings });
  await program.start();
  return {
    url: program.url,
    async restart(downMs) {
      await program.kill('SIGKILL');
      await sleep(downMs);
      await program.start();
    },
    stop: () => program.stop(),
  };
}

export async function centreInProcess(): Promise<CentreActor> {
  const centre = await GatewayCentre.start('embedded');
  return {
    url: centre.url,
    get analyst() {
      return centre.analyst;
    },
    memory: centre,
    addVillage: async (id) => (await centre.settingsFor(id)).CENTRAL_PASSWORD ?? '',
    restart: (downMs) => centre.whileStopped(() => sleep(downMs)),
    stop: () => centre.stop(),
  };
}

export async function centreProcess(folder: string): Promise<CentreActor> {
  const centre = await centreProgram(folder);
  await centre.start();
  return {
    url: centre.url,
    analyst: centre.analyst,
    memory: undefined,
    addVillage: (id) => centre.addVillage(id),
    async restart(downMs) {
      await centre.process.kill('SIGKILL');
      await sleep(downMs);
      await centre.start();
    },
    stop: () => centre.stop(),
  };
}
