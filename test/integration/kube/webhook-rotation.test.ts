import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { webhookManifests } from '../../../src/install/webhooks.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { objectIn, objectsIn, textIn } from '../../../src/lib/json-fields.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { type ControlPlane, startControlPlane } from '../../../src/runtime.ts';
import { readSettings } from '../../../src/settings.ts';
import { freePort } from '../../support/free-ports.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { namespace } from '../../support/kube-mesh.ts';
import { eventually } from '../../support/sandbox.ts';

/** The system's clock, except that what is hours ahead comes when a test says so. */
class ImpatientClock implements Clock {
  readonly #far = new Set<() => void>();

  now(): number {
    return systemClock.now();
  }

  after(ms: number, run: () => void): Disposable {
    if (ms < 3_600_000) return systemClock.after(ms, run);
    this.#far.add(run);
    return { [Symbol.dispose]: () => this.#far.delete(run) };
  }

  /** Does what would be done in some hours; gives how much that was. */
  hoursLater(): number {
    const due = [...this.#far];
    this.#far.clear();
    for (const run of due) run();
    return due.length;
  }
}

describe('the certificate that webhooks show', function () {
  this.timeout(60_000);
  const clock = new ImpatientClock();
  let stack: AsyncDisposableStack;
  let cluster: KubeCluster;
  let port: number;

  before(async () => {
    stack = new AsyncDisposableStack();
    cluster = stack.use(await startKubeCluster());
    const crds = resolve(import.meta.dirname, '../../../deploy/crds');
    await cluster.kubectl(['apply', '-f', crds]);
    await cluster.apply(JSON.stringify(namespace('istio-system')));
    port = await freePort();
    const hooks = webhookManifests('istio-system').map((manifest) => ({
      ...manifest,
      webhooks: objectsIn({ ...manifest }, 'webhooks').map((each) => {
        const path = textIn(objectIn(objectIn(each, 'clientConfig'), 'service'), 'path');
        return { ...each, clientConfig: { url: `https://localhost:${port}${path}` } };
      }),
    }));
    await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: hooks }));
    const state = await mkdtemp(join(tmpdir(), 'coxswain-rotation-'));
    stack.defer(() => rm(state, { recursive: true, force: true }));
    const here = '127.0.0.1:0';
    const settings = await readSettings(
      { kubeconfig: cluster.kubeconfig, webhook: `127.0.0.1:${port}`, xds: here, admin: here, state },
      {},
    );
    const plane: ControlPlane = await startControlPlane(settings, { clock, log: silentLogger });
    stack.use(plane);
    await eventually('a policy to be taken', async () => ((await create('first')) === '' ? true : undefined), 20_000);
  });

  after(async () => {
    await stack.disposeAsync();
  });

  /** Makes a policy; '' or why that failed. */
  async function create(name: string): Promise<string> {
    const selector = { matchLabels: { app: name } };
    return await cluster.client
      .create('/apis/security.istio.io/v1/namespaces/default/peerauthentications', {
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name },
        spec: { selector, mtls: { mode: 'STRICT' } },
      })
      .then(
        () => '',
        (error: unknown) => String(error),
      );
  }

  /** Serial number of the certificate that a new connection is shown, verified as the API server does it. */
  async function shown(): Promise<string> {
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/coxswain-validator';
    const [hook] = objectsIn({ ...(await cluster.client.get(path)) }, 'webhooks');
    const ca = Buffer.from(textIn(objectIn(hook ?? {}, 'clientConfig'), 'caBundle'), 'base64');
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca });
    try {
      await new Promise<void>((done, failed) => socket.once('secureConnect', done).once('error', failed));
      return socket.getPeerCertificate().serialNumber;
    } finally {
      socket.destroy();
    }
  }

  it('is replaced several times while policies are applied, and no call fails', async () => {
    const failures: string[] = [];
    const over = new AbortController();
    let count = 0;
    const applying = (async () => {
      for (; !over.signal.aborted; count += 1) {
        const failure = await create(`policy-${count}`);
        if (failure !== '') failures.push(failure);
      }
    })();
    const serials = [await shown()];
    try {
      for (let round = 0; round < 5; round += 1) {
        expect(clock.hoursLater()).to.be.greaterThan(0);
        const next = await eventually('another certificate', async () => {
          const serial = await shown();
          return serials.includes(serial) ? undefined : serial;
        });
        serials.push(next);
        const goal = count + 10;
        await eventually('more policies', () => (count >= goal ? true : undefined), 20_000);
      }
    } finally {
      over.abort();
      await applying;
    }
    expect(failures).to.deep.equal([]);
    expect(new Set(serials).size).to.equal(6);
    expect(count).to.be.greaterThan(50);
  });
});
