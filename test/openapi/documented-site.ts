/**
 * A village and its centre with what the documents' examples speak of: a day of `meter-7` in `bamenda`, delivered, and an
 * open conflict about `device:meter-7`.
 */
import type { EdgeNode } from '../../edge/node.js';
import { DEVICE } from '../../shared/openapi/registry-examples.js';
import { formatInstant } from '../../shared/time.js';
import { editApart } from '../edge/api/edits-apart.js';
import { startNode } from '../edge/api/node-under-test.js';
import { putDocument } from '../edge/api/registry-client.js';
import { Centre, type VillageLogin } from '../server/support/centre.js';
import type { StoreKind } from '../server/support/stores.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';

export class DocumentedSite {
  readonly centre: Centre;
  readonly village: VillageLogin;
  readonly #folder: string;
  #node: EdgeNode;

  private constructor(centre: Centre, village: VillageLogin, folder: string, node: EdgeNode) {
    this.centre = centre;
    this.village = village;
    this.#folder = folder;
    this.#node = node;
  }

  static async start(kind: StoreKind): Promise<DocumentedSite> {
    const centre = await Centre.start(kind);
    const village = await centre.addVillage('bamenda');
    const folder = await createTempFolder();
    const settings = settingsOf(centre, village);
    const first = await startNode(folder, settings);
    await putDocument(first.url, 'device/meter-7', DEVICE);
    await first.stop();
    const edits = { here: { ...DEVICE, serial: '24-0118' }, there: { ...DEVICE, serial: '24-0119' } };
    await editApart(folder, { type: 'device', id: 'meter-7', ...edits });
    return new DocumentedSite(centre, village, folder, await startNode(folder, settings));
  }

  get nodeUrl(): string {
    return this.#node.url;
  }

  /** Posts a day of readings and has everything delivered. */
  async deliverDay(): Promise<void> {
    const midnightMs = Date.parse('2026-03-01T00:00:00Z');
    const day = Array.from({ length: 24 }, (_, hour) => ({
      ...{
        device: 'meter-7',
        at: formatInstant(midnightMs + hour * 3_600_000 + 1),
        powerW: 300 + hour,
        energyKwh: hour,
      },
    }));
    const headers = { 'Content-Type': 'application/json' };
    const posted = await fetch(`${this.nodeUrl}/v1/readings`, { method: 'POST', headers, body: JSON.stringify(day) });
    if (posted.status !== 201) throw new Error(`the day was answered with ${posted.status}`);
    const text = await (await fetch(`${this.nodeUrl}/v1/replicate`, { method: 'POST' })).text();
    if (!text.includes('"ok":true')) throw new Error(`the day was not delivered: ${text}`);
  }

  async stop(): Promise<void> {
    await this.#node.stop();
    await this.centre.stop();
    await removeFolder(this.#folder);
  }
}

function settingsOf(centre: Centre, { id, password }: VillageLogin): Record<string, string> {
  return { VILLAGE_ID: id, API_URL: centre.url, CENTRAL_USER: id, CENTRAL_PASSWORD: password, SYNC_MODE: 'scheduled' };
}
