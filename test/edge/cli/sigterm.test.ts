/** SIGTERM ends a node in order, whatever it is doing, and loses nothing. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ProgramClient } from '../../../shared/http/client.js';
import type { ProgramProcess } from '../../../sim/processes.js';
import { type Fault, FaultProxy } from '../../support/fault-proxy.js';
import { edgeProgram } from '../../support/programs.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';
import { readings } from '../push/support/edge-site.js';
import { isBulkDocs } from '../push/support/sent-documents.js';

const BATCH = 40;

describe('SIGTERM in the middle of a push', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let node: ProgramProcess | undefined;
  const village = anyVillage();
  afterEach(async () => {
    await node?.stop();
    await proxy.stop();
    await centre.stop();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
  });

  for (const [title, fault] of [
    ['whose answer does not come', { kind: 'hang', when: 'before-headers' }],
    ['whose answer does not end', { kind: 'hang', when: 'after-headers' }],
    ['that fails again and again', { kind: 'reset' }],
  ] as const satisfies readonly (readonly [string, Fault])[]) {
    it(`exits 0 within ten seconds and loses nothing: a push ${title}`, async () => {
      const env = { ...(await centre.settingsFor(village)), API_URL: proxy.url, SYNC_TIMEOUT: '60' };
      const program = await edgeProgram({ villageId: village, dataPath: folder.path, env });
      node = program;
      await program.start();
      proxy.rule = (request) => (isBulkDocs(request) ? fault : undefined);
      const client = new ProgramClient({ url: program.url, peer: 'the node' });
      let acknowledged = 0;
      const posting = (async () => {
        for (;;) {
          const body = JSON.stringify(readings(BATCH, acknowledged));
          const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body };
          await client.json('/v1/readings', init);
          acknowledged += BATCH;
        }
      })();
      // It ends when the node takes no more.
      posting.catch(() => undefined);
      await waitFor(() => acknowledged >= 5 * BATCH && proxy.requests.some(isBulkDocs), {
        what: 'the push to be under way',
        timeoutMs: 30_000,
      });
      const startedMs = performance.now();
      expect(await program.terminate()).to.deep.equal({ code: 0, signal: null });
      expect(performance.now() - startedMs).to.be.below(10_000);
      await posting.catch(() => undefined);
      proxy.rule = () => undefined;
      await program.start();
      const isDelivered = async () => (await pendingOf(client)) === 0;
      await waitFor(isDelivered, { what: 'everything to be delivered', timeoutMs: 60_000 });
      const held = new Set((await centre.documents(village)).map(({ at }) => at));
      // The batch that was refused may have been stored when the refusal came.
      expect(held.size).to.be.oneOf([acknowledged, acknowledged + BATCH]);
      for (const reading of readings(acknowledged) as { at: string }[]) expect(held.has(reading.at)).to.equal(true);
    }).timeout(180_000);
  }
});

async function pendingOf(client: ProgramClient): Promise<number> {
  return (await client.json<{ store: { pending: number } }>('/v1/status')).store.pending;
}
