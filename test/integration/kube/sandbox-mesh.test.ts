import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually, exampleManifests, makeRunDir, startCli } from '../../support/sandbox.ts';

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;

describe('a sandbox with a Kubernetes API and its control plane', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;
  let runDir: string;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    runDir = run.path;
    mesh = stack.use(await Sandbox.up({ name: 'mesh', manifests: [exampleManifests('httpbin')], runDir, kube: true }));
  });

  after(async () => {
    await stack.disposeAsync();
  });

  async function coxswain(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
    const child = startCli(args, runDir);
    const ended = once(child, 'exit');
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code: Number(code), stdout: stdout + stderr };
  }

  const url = 'http://httpbin.foo:8000/headers';
  const passes = async (): Promise<true | undefined> =>
    (await mesh.curl('sleep.legacy', url)).status === 200 ? true : undefined;
  const refused = async (): Promise<true | undefined> =>
    (await mesh.curl('sleep.legacy', url)).exit === 56 ? true : undefined;

  it('runs the control plane from its own manifests, and injects what its webhook says', async () => {
    expect(mesh.status.kube?.controlPlanes.length).to.equal(2);
    const injected = mesh.pods.filter((pod) => pod.injected);
    expect([...new Set(injected.map((pod) => pod.namespace))].sort()).to.deep.equal(['bar', 'foo']);
    for (const pod of injected) {
      expect(pod.containers.map((each) => [each.name, each.ready || each.state])).to.deep.include.members([
        ['istio-init', 'terminated'],
        ['istio-proxy', true],
      ]);
    }
  });

  it('carries the first call with mutual TLS', async () => {
    const { status, body } = await mesh.curl('sleep.bar', url);
    expect(status).to.equal(200);
    const { headers } = JSON.parse(body);
    expect(headers['X-Forwarded-Client-Cert']).to.include('URI=spiffe://cluster.local/ns/bar/sa/sleep');
  });

  it('takes policies while it runs, and gives them up again', async () => {
    const [file = ''] = await mesh.apply(strict);
    await eventually('plaintext to be refused', refused);
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(200);
    const ready = await mesh.kubectl([
      'wait',
      '-n',
      'foo',
      '--for=condition=Available',
      'deployment',
      '--all',
      '--timeout=1s',
    ]);
    expect(ready.code).to.equal(0);
    expect(await mesh.remove(file)).to.equal(true);
    await eventually('plaintext to pass', passes);
  });

  it('keeps an Envoy that was killed down until it is started', async () => {
    await mesh.killEnvoy('httpbin.foo');
    expect(mesh.pod('httpbin.foo').envoy).to.equal('down');
    // Interception stands: without its Envoy nothing gets in.
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(503);
    await eventually('the pod to be not ready', async () => {
      const ready = 'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}';
      const { stdout } = await mesh.kubectl(['get', 'pods', '-n', 'foo', '-l', 'app=httpbin', '-o', ready]);
      return stdout === 'False' ? true : undefined;
    });
    await mesh.startEnvoy('httpbin.foo');
    await eventually('it to answer', async () =>
      (await mesh.curl('sleep.bar', url)).status === 200 ? true : undefined,
    );
  });

  it('goes on while one replica is down, and when both come back', async () => {
    const [first = '', second = ''] = mesh.status.kube?.controlPlanes ?? [];
    await mesh.killControlPlane('SIGKILL', first);
    expect((await mesh.admin('/ready', 'GET', first)).exit).to.equal(7);
    expect((await mesh.admin('/ready', 'GET', second)).status).to.equal(200);
    await eventually('the webhooks to be served by the other', async () => {
      const { code } = await mesh.kubectl(['apply', '-f', '-'], { input: strict });
      return code === 0 ? true : undefined;
    });
    await eventually('plaintext to be refused', refused, 20_000);
    await mesh.killControlPlane();
    expect(mesh.status.controlPlane).to.equal('down');
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(200);
    await mesh.startControlPlane();
    expect(mesh.status.controlPlane).to.equal('running');
    await eventually('the policy to be deleted', async () => {
      const { code } = await mesh.kubectl(['delete', '-f', '-', '--ignore-not-found'], { input: strict });
      return code === 0 ? true : undefined;
    });
    await eventually('plaintext to pass', passes, 30_000);
  });

  it('replaces a pod that is deleted', async () => {
    const { name } = mesh.pod('sleep.foo');
    await mesh.deletePod('sleep.foo');
    await eventually(
      'another, with its sidecar',
      async () => {
        const found = (await mesh.refresh()).pods.find((pod) => pod.workload === 'sleep' && pod.namespace === 'foo');
        return found !== undefined &&
          found.name !== name &&
          found.containers.every((each) => each.ready || each.state === 'terminated')
          ? true
          : undefined;
      },
      30_000,
    );
    expect((await mesh.curl('sleep.foo', url)).status).to.equal(200);
  });

  it('shows to the command line what all replicas know', async () => {
    const injected = (await mesh.refresh()).pods.filter((pod) => pod.injected);
    const expected = injected.map((pod) => `${pod.name}.${pod.namespace}`).sort();
    // Sidecars take their time to come back to a control plane that was away.
    await eventually(
      'all sidecars to be connected',
      async () => {
        const { code, stdout } = await coxswain('proxy-status', '--sandbox', 'mesh', '-o', 'json');
        expect(code, stdout).to.equal(0);
        const proxies: readonly { readonly name: string }[] = JSON.parse(stdout);
        return proxies
          .map((each) => each.name)
          .sort()
          .join() === expected.join()
          ? true
          : undefined;
      },
      60_000,
    );
    const listeners = await coxswain('proxy-config', 'listener', 'httpbin.foo', '--sandbox', 'mesh');
    expect(listeners.stdout).to.include('15006');
  });

  it('takes objects and gives pages from the command line', async () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: from-cli, namespace: foo }\n';
    await mesh.kubectl(['apply', '-f', '-'], { input: map });
    const got = await coxswain('sandbox', 'kubectl', '--', 'get', 'configmap', '-n', 'foo', 'from-cli', '-o', 'name');
    expect(got).to.deep.equal({ code: 0, stdout: 'configmap/from-cli\n' });
    const gone = await coxswain('sandbox', 'delete', 'ConfigMap/from-cli.foo');
    expect(gone.stdout).to.match(/configmap "from-cli" deleted/);
    const missing = await coxswain('sandbox', 'kubectl', '--', 'get', 'configmap', '-n', 'foo', 'from-cli');
    expect(missing.code).to.equal(1);
    const log = await coxswain('sandbox', 'logs', 'httpbin.foo', '-c', 'istio-init');
    expect(log.code, log.stdout).to.equal(0);
    const unknown = await coxswain('sandbox', 'logs', 'httpbin.foo', '-c', 'nobody');
    expect(unknown.stdout).to.include('containers: httpbin, istio-init, istio-proxy');
  });
});
