import { expect } from 'chai';
import type { SyncEntry } from '../../../src/admin/sync-entry.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

const gateway = 'istio-ingressgateway.istio-system';

describe('a gateway in a sandbox with a Kubernetes API', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    const manifests = [exampleManifests('gateway')];
    mesh = stack.use(await Sandbox.up({ name: 'edge', manifests, runDir: run.path, kube: { replicas: 1 } }));
  });
  after(async () => {
    await stack.disposeAsync();
  });

  async function get(path: string, ...what: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await mesh.kubectl([
      'get',
      ...what,
      '-n',
      'istio-system',
      '-o',
      `jsonpath=${path}`,
    ]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }
  const pods = ['pods', '-l', 'istio=ingressgateway'];

  it('is injected beside the control plane, without a right over its network', async () => {
    expect(mesh.pod(gateway).containers.map(({ name, state, ready }) => ({ name, state, ready }))).to.deep.equal([
      { name: 'istio-proxy', state: 'running', ready: true },
      { name: 'istio-init', state: 'terminated', ready: false },
    ]);
    expect(await get('{.items[*].spec.containers[*].image}', ...pods)).to.equal('envoyproxy/envoy:v1.40.0');
    for (const field of ['initContainers', 'containers'])
      expect(await get(`{.items[*].spec.${field}[*].securityContext.capabilities}`, ...pods), field).to.equal(
        '{"drop":["ALL"]}',
      );
    expect(await get('{.items[*].metadata.labels.security\\.istio\\.io/tlsMode}', ...pods)).to.equal('');
    // The control plane's own pods asked for nothing, and got nothing.
    expect(await get('{.items[*].spec.initContainers}', 'pods', '-l', 'app=coxswain')).to.equal('');
  });

  it('connects as who its token says, and gets clusters but no listener without a Gateway', async () => {
    const { name, ip } = mesh.pod(gateway);
    const entry = await eventually('everything to be acknowledged', async () => {
      const entries: readonly SyncEntry[] = JSON.parse((await mesh.admin('/debug/syncz')).body);
      const found = entries.find((each) => each.name === `${name}.istio-system`);
      return found?.types.every(({ state }) => state === 'SYNCED') === true ? found : undefined;
    });
    const { id, serviceAccount, provenBy, types } = entry;
    expect({ id, serviceAccount, provenBy }).to.deep.equal({
      id: `router~${ip}~${name}.istio-system~istio-system.svc.cluster.local`,
      serviceAccount: 'istio-ingressgateway-service-account',
      provenBy: 'service-account-token',
    });
    expect(types.find(({ type }) => type === 'LDS')?.resources).to.equal(0);
    const { body } = await mesh.envoyAdmin(gateway, '/clusters');
    expect(body).to.include(`outbound|8000||httpbin.foo.svc.cluster.local::${mesh.pod('httpbin.foo').ip}:8000::`);
  });

  it('can be called by the address that its Service has been given', async () => {
    const address = await eventually('the address', async () => {
      const found = await get('{.status.loadBalancer.ingress[0].ip}', 'service', 'istio-ingressgateway');
      return found === '' ? undefined : found;
    });
    expect((await mesh.curl('sleep.outside', `http://${address}:15021/healthz/ready`)).status).to.equal(200);
    expect((await mesh.curl('sleep.outside', `http://${address}/`)).exit).to.equal(7);
  });

  it('goes within its grace when it is rolled, while another has taken its place', async () => {
    const before = mesh.pod(gateway).name;
    const restarted = await mesh.kubectl([
      'rollout',
      'restart',
      '-n',
      'istio-system',
      'deployment/istio-ingressgateway',
    ]);
    expect(restarted.code).to.equal(0);
    const url = `http://${gateway}:15021/healthz/ready`;
    const refusals: number[] = [];
    await eventually(
      'the old pod to go',
      async () => {
        const { exit } = await mesh.curl('sleep.outside', url);
        if (exit !== 0) refusals.push(exit);
        const { pods: all } = await mesh.refresh();
        return all.some(({ name }) => name === before) ? undefined : true;
      },
      60_000,
    );
    expect(refusals).to.deep.equal([]);
    expect((await mesh.curl('sleep.outside', url)).status).to.equal(200);
  });
});
