/** The containers of these tests confine what runs in them as Kubernetes would: otherwise they would prove nothing. */
import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { type ContainerEnd, describeContainers, PodVolumes, startContainer } from './container.js';
import type { PodSpec } from './pod-spec.js';

describeContainers('a container of the tests', () => {
  let volumes: PodVolumes;

  beforeEach(async () => {
    volumes = await PodVolumes.create();
  });
  afterEach(() => volumes.remove());

  async function run(script: string, securityContext: Record<string, unknown>): Promise<ContainerEnd> {
    const container = {
      ...{ name: 'one', image: 'none', workingDir: '/app', command: ['sh', '-c', script], securityContext },
      env: [{ name: 'GREETING', value: 'hello' }],
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'secrets', mountPath: '/run/secrets/x', readOnly: true },
      ],
    };
    const pod: PodSpec = {
      containers: [container],
      securityContext: { runAsUser: 10_001 },
      volumes: [{ name: 'secrets', secret: { secretName: 'x', defaultMode: 0o440 } }],
    };
    return (await startContainer(volumes, { pod, container, manifests: [], secrets: { x: { KEY: 'value' } } })).ended;
  }

  it('lets nothing be written but its volumes, and not those that are read-only', async () => {
    const places = ['/', '/app', '/app/dist', '/usr', '/etc', '/run/secrets/x', '/data'];
    const script = `for d in ${places.join(' ')}; do if touch "$d/new" 2>/dev/null; then echo "$d"; fi; done`;
    const { stdout, stderr } = await run(script, { readOnlyRootFilesystem: true });
    expect(stdout.trim(), stderr).to.equal('/data');
    expect((await run('touch /new', { readOnlyRootFilesystem: true })).code).to.not.equal(0);
  });

  it('runs as the user of the pod, with its secrets and its variables, where the program is', async () => {
    const { stdout, stderr } = await run(
      'id -u; pwd; cat /run/secrets/x/KEY; echo; echo $GREETING; ls dist/edge/main.js',
      {},
    );
    expect(stdout.trim().split('\n'), stderr).to.deep.equal(['10001', '/app', 'value', 'hello', 'dist/edge/main.js']);
  });

  it('has the capabilities of nobody', async () => {
    const { stdout } = await run('grep CapEff /proc/self/status', {});
    expect(stdout.trim()).to.match(/^CapEff:\s+0+$/);
  });
});
