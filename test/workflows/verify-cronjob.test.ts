import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { useTempFolder } from '../support/temp-folder.js';
import { ScriptStage } from './script-run.js';

const CRON_JOB = {
  kind: 'CronJob',
  metadata: { namespace: 'village', name: 'edge-sync' },
  spec: {
    ...{ schedule: '0 2 * * *', timeZone: 'Africa/Douala', suspend: false },
    ...{ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 1800 },
  },
};

describe('verify-cronjob.sh', () => {
  const folder = useTempFolder();
  let stage: ScriptStage;
  beforeEach(() => {
    stage = new ScriptStage(folder.path);
  });

  const RENDERED = `apiVersion: v1
kind: Service
metadata:
  name: edge
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: edge-sync
spec:
  jobTemplate:
    metadata:
      name: another
    spec:
      template:
        metadata:
          name: a third
  schedule: 0 2 * * *
  timeZone: Africa/Douala
`;
  const SECOND = '---\nkind: CronJob\nmetadata:\n  name: "second"\nspec:\n  schedule: "30 1 * * *"\n  timeZone: UTC\n';

  async function clusterWith(live: unknown, rendered = RENDERED): Promise<void> {
    await writeFile(path.join(folder.path, 'rendered.yaml'), rendered);
    await writeFile(path.join(folder.path, 'live.json'), live === undefined ? '' : JSON.stringify(live));
    await stage.standIn('kubectl', 'case "$1" in kustomize) cat rendered.yaml ;; get) cat live.json ;; esac');
  }
  const listOf = (...items: unknown[]) => ({ kind: 'List', items: [{ kind: 'Service' }, ...items] });
  const changed = (spec: object) => listOf({ ...CRON_JOB, spec: { ...CRON_JOB.spec, ...spec } });
  const verify = (env: Record<string, string> = {}) => stage.run('verify-cronjob.sh', ['overlay'], env);

  it('says of a CronJob that is as it should be when it runs', async () => {
    await clusterWith(listOf(CRON_JOB));
    const { code, stdout } = await verify();
    expect(code).to.equal(0);
    expect(stdout).to.equal('village/edge-sync: 0 2 * * * Africa/Douala, not suspended\n');
  });

  it('takes a single object as well as a list', async () => {
    await clusterWith(CRON_JOB);
    expect((await verify()).code).to.equal(0);
  });

  for (const [title, spec, told] of [
    ['another schedule', { schedule: '0 3 * * *' }, 'schedule is "0 3 * * *", not "0 2 * * *"'],
    ['another time zone', { timeZone: 'UTC' }, 'timeZone is UTC, not Africa/Douala'],
    ['no time zone', { timeZone: undefined }, 'has no timeZone'],
    ['a suspended one', { suspend: true }, 'is suspended'],
    ['one that may run beside itself', { concurrencyPolicy: 'Allow' }, 'concurrencyPolicy is Allow'],
    ['no starting deadline', { startingDeadlineSeconds: undefined }, 'has no startingDeadlineSeconds'],
  ] as const) {
    it(`fails on ${title}, and says so`, async () => {
      await clusterWith(changed(spec));
      const { code, stderr } = await verify();
      expect(code).to.equal(1);
      expect(stderr).to.equal(`edge-sync: ${told}\n`);
    });
  }

  it('fails when a CronJob of the overlay is not in the cluster', async () => {
    await clusterWith(listOf(CRON_JOB), RENDERED + SECOND);
    const { code, stderr } = await verify();
    expect(code).to.equal(1);
    expect(stderr).to.equal('second: is not in the cluster\n');
  });

  it('fails when the cluster has nothing, or cannot be asked', async () => {
    await clusterWith(undefined);
    expect((await verify()).stderr).to.equal('edge-sync: is not in the cluster\n');
    await stage.standIn('kubectl', 'case "$1" in kustomize) cat rendered.yaml ;; get) exit 1 ;; esac');
    expect((await verify()).code).to.equal(1);
  });

  it('is content with an overlay that has none, and says that nothing was verified', async () => {
    await clusterWith(listOf(), 'kind: Service\nmetadata:\n  name: central\n');
    const { code, stdout } = await verify();
    expect(code).to.equal(0);
    expect(stdout).to.contain('nothing to verify');
  });

  it('holds every schedule against EXPECTED_SCHEDULE where it is set', async () => {
    await clusterWith(listOf(CRON_JOB));
    expect((await verify({ EXPECTED_SCHEDULE: '0 2 * * *' })).code).to.equal(0);
    const { code, stderr } = await verify({ EXPECTED_SCHEDULE: '0 4 * * *' });
    expect(code).to.equal(1);
    expect(stderr).to.contain('schedule is "0 2 * * *", expected "0 4 * * *"');
  });
});
