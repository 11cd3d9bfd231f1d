import { expect } from 'chai';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { eventually, exampleManifests, makeRunDir } from '../../support/sandbox.ts';

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: STRICT } }
`;

describe('a sandbox with its control plane', () => {
  let stack: AsyncDisposableStack;
  let mesh: Sandbox;

  before(async () => {
    stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    mesh = stack.use(await Sandbox.up({ name: 'mesh', manifests: [exampleManifests('httpbin')], runDir: run.path }));
  });

  after(async () => {
    await stack.disposeAsync();
  });

  const url = 'http://httpbin.foo:8000/headers';

  it('carries the first call with mutual TLS', async () => {
    const { status, body } = await mesh.curl('sleep.bar', url);
    expect(status).to.equal(200);
    const { headers } = JSON.parse(body);
    expect(headers['X-Forwarded-Client-Cert']).to.include('URI=spiffe://cluster.local/ns/bar/sa/sleep');
  });

  it('takes policies while it runs, and gives them up again', async () => {
    const [file = ''] = await mesh.apply(strict);
    await eventually('plaintext to be refused', async () =>
      (await mesh.curl('sleep.legacy', url)).exit === 56 ? true : undefined,
    );
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(200);
    await mesh.remove(file);
    await eventually('plaintext to pass', async () =>
      (await mesh.curl('sleep.legacy', url)).status === 200 ? true : undefined,
    );
  });

  it('keeps traffic going without a control plane, and gets it back', async () => {
    await mesh.killControlPlane();
    expect((await mesh.admin('/ready')).exit).to.equal(7);
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(200);
    await mesh.startControlPlane();
    const [file = ''] = await mesh.apply(strict);
    await eventually(
      'plaintext to be refused',
      async () => ((await mesh.curl('sleep.legacy', url)).exit === 56 ? true : undefined),
      20_000,
    );
    await mesh.remove(file);
    await eventually('plaintext to pass', async () =>
      (await mesh.curl('sleep.legacy', url)).status === 200 ? true : undefined,
    );
  });

  it('brings an Envoy back with its configuration', async () => {
    await mesh.restartEnvoy('httpbin.foo');
    expect((await mesh.curl('sleep.bar', url)).status).to.equal(200);
  });

  it('keeps keys and tokens from the apps', async () => {
    const { stdout } = await mesh.exec('sleep.bar', [
      'sh',
      '-c',
      `cat ${mesh.insidePath('pods')}/*/sidecar/token ${mesh.insidePath('state')}/*/* 2>/dev/null`,
    ]);
    expect(stdout).to.equal('');
    const seen = await mesh.exec('sleep.bar', [
      'sh',
      '-c',
      `ls ${mesh.insidePath('state')} ${mesh.insidePath('pods')}/sleep-1.bar/sidecar`,
    ]);
    expect(seen.code).not.to.equal(0);
    const root = await mesh.exec(
      'sleep.bar',
      ['sh', '-c', `cat ${mesh.insidePath('pods')}/sleep-1.bar/sidecar/token | wc -c`],
      { user: 'root' },
    );
    expect(Number(root.stdout)).to.be.greaterThan(100);
  });
});
