import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { openServingCertificate, type ServingCertificate, servingNames } from '../../../src/ca/serving.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';
import { webhookManifests } from '../../../src/install/webhooks.ts';
import { FakeClock, systemClock } from '../../../src/lib/clock.ts';
import { isRecord } from '../../../src/lib/is-record.ts';
import { objectIn, objectsIn, textIn, textsIn } from '../../../src/lib/json-fields.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import { startWebhookServer, type WebhookEvent, type WebhookServer } from '../../../src/webhook/server.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';
import { testAuthority } from '../../unit/ca/helpers.ts';

const golden = resolve(import.meta.dirname, '../../unit/inject/golden');
const crds = resolve(import.meta.dirname, '../../../deploy/crds');

interface Serving {
  readonly bundle: string;
  readonly certificate: ServingCertificate;
}

/** A serving certificate of an authority of its own, as a control plane makes it. */
async function serving(): Promise<Serving> {
  const authority = await testAuthority(new FakeClock(Date.now()));
  const certificate = openServingCertificate(
    {
      authority,
      clock: systemClock,
      random: () => 0.5,
      log: silentLogger,
      dnsNames: servingNames('istio-system'),
      ipAddresses: [],
    },
    () => undefined,
  );
  return { bundle: authority.roots.join(''), certificate };
}

describe('webhooks and a real API server', () => {
  let stack: AsyncDisposableStack;
  let cluster: KubeCluster;
  let webhook: WebhookServer;
  const events: WebhookEvent[] = [];
  const namespaceLabels = new Map<string, Readonly<Record<string, string>>>();

  /** The webhook configurations that `coxswain install` makes, sent to this process instead of a Service. */
  async function applyWebhooks(bundle: string): Promise<void> {
    const caBundle = Buffer.from(bundle).toString('base64');
    const manifests = webhookManifests('istio-system').map((manifest) => ({
      ...manifest,
      webhooks: objectsIn({ ...manifest }, 'webhooks').map((each) => {
        const path = textIn(objectIn(objectIn(each, 'clientConfig'), 'service'), 'path');
        return { ...each, clientConfig: { url: `https://localhost:${webhook.port}${path}`, caBundle } };
      }),
    }));
    await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }));
  }

  /** kubectl apply; what it says on standard error, and whether it worked. */
  async function apply(manifest: object): Promise<{ readonly ok: boolean; readonly said: string }> {
    const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
    return { ok: code === 0, said: stderr };
  }

  async function podOf(namespace: string, name: string): Promise<Readonly<Record<string, unknown>>> {
    const pod: unknown = await cluster.client.get(`/api/v1/namespaces/${namespace}/pods/${name}`);
    return isRecord(pod) ? pod : {};
  }

  const names = (pod: Readonly<Record<string, unknown>>, field: string): readonly string[] =>
    objectsIn(objectIn(pod, 'spec'), field).map((each) => textIn(each, 'name'));

  const pod = (namespace: string, name: string, more: object = {}, spec: object = {}): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, ...more },
    spec: { containers: [{ name: 'web', image: 'web:1' }], ...spec },
  });

  before(async function () {
    this.timeout(120_000);
    stack = new AsyncDisposableStack();
    cluster = stack.use(await startKubeCluster({ controllerManager: true }));
    const { bundle, certificate } = await serving();
    stack.use(certificate);
    webhook = stack.use(
      await startWebhookServer({
        host: '127.0.0.1',
        port: 0,
        context: certificate.context,
        inject: {
          settings: () => defaultInjectSettings(),
          namespaceLabels: (name) => namespaceLabels.get(name),
          fetchNamespaceLabels: async (name) => {
            const namespace: unknown = await cluster.client.get(`/api/v1/namespaces/${name}`);
            return textsIn(objectIn(isRecord(namespace) ? namespace : {}, 'metadata'), 'labels');
          },
        },
        validate: { mesh: () => defaultMesh, knownObjects: () => [] },
        count: (event) => events.push(event),
        log: silentLogger,
        clock: systemClock,
      }),
    );
    for (const [name, labels] of [
      ['shop', {}],
      ['mesh', { 'istio-injection': 'enabled' }],
      ['off', { 'istio-injection': 'disabled' }],
    ] as const)
      await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
    for (const file of ['peerauthentications', 'authorizationpolicies', 'requestauthentications'])
      await cluster.apply(readFileSync(join(crds, `${file}.yaml`), 'utf8'));
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    for (const namespace of ['shop', 'mesh', 'off'])
      await eventually('the default service account', async () => {
        const found = await cluster.kubectl(['get', 'serviceaccount', 'default', '-n', namespace]);
        return found.code === 0 || undefined;
      });
    await applyWebhooks(bundle);
    // The API server takes webhook configurations over a moment after they are written.
    await eventually('the webhooks to be called', async () => {
      const probe = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], {
        input: JSON.stringify(pod('mesh', 'first')),
      });
      return (probe.code === 0 && events.some(({ webhook: name }) => name === 'inject')) || undefined;
    });
  });
  after(async () => {
    await stack.disposeAsync();
  });

  describe('kube-inject', () => {
    for (const file of readdirSync(golden).filter((name) => name.endsWith('.out.yaml'))) {
      it(`prints what is taken: ${file}`, async () => {
        const input = readFileSync(join(golden, file), 'utf8');
        const args = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];
        const { code, stderr } = await cluster.kubectl(args, { input });
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      });
    }
  });

  describe('/inject', () => {
    it('adds the sidecar to a pod of a namespace that asks for it', async () => {
      expect(await apply(pod('mesh', 'web'))).to.deep.equal({ ok: true, said: '' });
      const made = await podOf('mesh', 'web');
      expect(names(made, 'initContainers')).to.deep.equal(['istio-init', 'istio-proxy']);
      expect(names(made, 'containers')).to.deep.equal(['web']);
      expect(textsIn(objectIn(made, 'metadata'), 'labels')).to.deep.equal({
        'security.istio.io/tlsMode': 'istio',
        'service.istio.io/canonical-name': 'web',
        'service.istio.io/canonical-revision': 'latest',
      });
    });

    it('names the workload after the Deployment that made the pod', async () => {
      const template = {
        metadata: { labels: { role: 'api' } },
        spec: { containers: [{ name: 'api', image: 'api:1' }] },
      };
      const spec = { replicas: 1, selector: { matchLabels: { role: 'api' } }, template };
      await apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'api', namespace: 'mesh' }, spec });
      const made = await eventually('the pod of the Deployment', async () => {
        const { stdout } = await cluster.kubectl(['get', 'pods', '-n', 'mesh', '-l', 'role=api', '-o', 'json']);
        const list: unknown = JSON.parse(stdout);
        return isRecord(list) ? objectsIn(list, 'items')[0] : undefined;
      });
      expect(names(made, 'initContainers')).to.deep.equal(['istio-init', 'istio-proxy']);
      expect(textsIn(objectIn(made, 'metadata'), 'labels')['service.istio.io/canonical-name']).to.equal('api');
    });

    it('asks for labels that are newer than those it knows, before it lets a pod by', async () => {
      namespaceLabels.set('mesh', {});
      await apply(pod('mesh', 'late'));
      namespaceLabels.delete('mesh');
      expect(names(await podOf('mesh', 'late'), 'initContainers')).to.deep.equal(['istio-init', 'istio-proxy']);
    });

    it('leaves out who says no, and takes who says yes', async () => {
      await apply(pod('mesh', 'no', { annotations: { 'sidecar.istio.io/inject': 'false' } }));
      await apply(pod('off', 'disabled', { labels: { 'sidecar.istio.io/inject': 'true' } }));
      await apply(pod('shop', 'plain'));
      await apply(pod('shop', 'yes', { labels: { 'sidecar.istio.io/inject': 'true' } }));
      await apply(pod('mesh', 'host', {}, { hostNetwork: true }));
      const of = async (namespace: string, name: string) =>
        names(await podOf(namespace, name), 'initContainers').length;
      expect([
        await of('mesh', 'no'),
        await of('off', 'disabled'),
        await of('shop', 'plain'),
        await of('shop', 'yes'),
        await of('mesh', 'host'),
      ]).to.deep.equal([0, 0, 0, 2, 0]);
    });

    it('refuses a pod whose annotations can not be read, with the field and a way out', async () => {
      const { ok, said } = await apply(pod('mesh', 'bad', { annotations: { 'sidecar.istio.io/proxyCPU': 'lots' } }));
      expect(ok).to.equal(false);
      expect(said).to.contain(
        'admission webhook "namespace.injector.coxswain.dev" denied the request: no sidecar for this pod: ' +
          'metadata.annotations[sidecar.istio.io/proxyCPU]: "lots" is no quantity (hint: write it as 100m or 0.5)',
      );
    });

    it('warns of what is legal and risky', async () => {
      const { ok, said } = await apply(pod('mesh', 'risky', {}, { securityContext: { runAsUser: 1337 } }));
      expect(ok).to.equal(true);
      expect(said).to.equal(
        "Warning: container web runs as 1337, the sidecar's own id: its connections bypass the sidecar\n",
      );
    });

    it('takes a pod that was injected by hand before', async () => {
      const input = readFileSync(join(golden, 'pod-classic.out.yaml'), 'utf8');
      const { code, stderr } = await cluster.kubectl(['apply', '-n', 'mesh', '-f', '-'], { input });
      expect(code, stderr).to.equal(0);
      expect(names(await podOf('mesh', 'web-classic'), 'containers')).to.deep.equal(['istio-proxy', 'web']);
    });
  });

  describe('/validate', () => {
    const policy = (name: string, spec: object, kind = 'AuthorizationPolicy'): object => ({
      apiVersion: 'security.istio.io/v1',
      kind,
      metadata: { name, namespace: 'shop' },
      spec,
    });

    it('takes a good policy without a word', async () => {
      expect(await apply(policy('strict', { mtls: { mode: 'STRICT' } }, 'PeerAuthentication'))).to.deep.equal({
        ok: true,
        said: '',
      });
    });

    it('refuses what can not be enforced, with the field', async () => {
      const spec = { action: 'ALLOW', rules: [{ from: [{ source: { ipBlocks: ['10.0.0.0/99'] } }] }] };
      const { ok, said } = await apply(policy('bad', spec));
      expect(ok).to.equal(false);
      expect(said).to.contain('admission webhook "policies.validator.coxswain.dev" denied the request: spec.rules[0]');
    });

    it('takes a policy that never matches, and warns of it', async () => {
      const spec = { action: 'DENY', rules: [{ to: [{ operation: { methods: ['get'] } }] }] };
      const { ok, said } = await apply(policy('lower', spec));
      expect(ok).to.equal(true);
      expect(said).to.match(/^Warning: .*methods are compared with case/);
    });
  });

  describe('the serving certificate', () => {
    it('is another one once it is rotated, and believed with the new bundle alone', async () => {
      const next = await serving();
      stack.use(next.certificate);
      webhook.rotate(next.certificate.context);
      await applyWebhooks(next.bundle);
      await eventually('the new bundle to be in use', async () => {
        const made = await apply(pod('mesh', 'rotated'));
        return made.ok || undefined;
      });
      expect(names(await podOf('mesh', 'rotated'), 'initContainers')).to.deep.equal(['istio-init', 'istio-proxy']);
    });
  });
});
