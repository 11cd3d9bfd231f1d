import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { webhookBundles } from '../../../src/cluster/webhook-bundles.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { Listeners } from '../../../src/lib/listeners.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { certificateAuthority } from '../../../src/sandbox/kube/server.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';

const mutating = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/coxswain-injector';
const validating = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/coxswain-validator';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

interface Hook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string };
}

const hook = (name: string, path: string): object => ({
  name,
  clientConfig: { service: { name: 'coxswain', namespace: 'istio-system', path, port: 443 } },
  rules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
  failurePolicy: 'Fail',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
});

const configuration = (kind: string, name: string, ...webhooks: readonly object[]): object => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind,
  metadata: { name },
  webhooks,
});

const injector = (...hooks: readonly string[]): object =>
  configuration('MutatingWebhookConfiguration', 'coxswain-injector', ...hooks.map((name) => hook(name, '/inject')));

describe('integration: CA bundles of the webhooks', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;
  let client: KubeClient;
  let roots: readonly string[];
  const changed = new Listeners();
  const stop = new AbortController();
  let duty: Promise<void>;

  before(async () => {
    cluster = await startKubeCluster();
    client = cluster.client;
    // Any certificate does: the API server's own.
    roots = [await readFile(certificateAuthority(cluster.server), 'utf8')];
    const options = { client, clock: systemClock, random: Math.random, log: silentLogger };
    duty = webhookBundles({ ...options, roots: () => roots, changed: (each) => changed.add(each) })(stop.signal);
  });
  after(async () => {
    stop.abort();
    await duty;
    await cluster[Symbol.asyncDispose]();
  });

  const install = (path: string, object: object): Promise<unknown> =>
    client.apply(path, object, { fieldManager: 'coxswain-install', force: true });

  async function hooksOf(path: string): Promise<readonly Hook[]> {
    try {
      return (await client.get(path))['webhooks'] as readonly Hook[];
    } catch (thrown) {
      if (MeshError.from(thrown).code === 'not-found') return [];
      throw thrown;
    }
  }

  const bundles = (path: string, count: number, what: string): Promise<readonly Hook[]> =>
    eventually(what, async () => {
      const hooks = await hooksOf(path);
      const wanted = base64(roots.join(''));
      return hooks.length === count && hooks.every((each) => each.clientConfig.caBundle === wanted) ? hooks : undefined;
    });

  it('waits for the configurations, and fills in all bundles', async () => {
    await install(mutating, injector('rev.example.com', 'object.example.com'));
    const hooks = await bundles(mutating, 2, 'the bundles of the injector');
    expect(hooks[0]).to.deep.include({ name: 'rev.example.com', failurePolicy: 'Fail', sideEffects: 'None' });
    const validator = hook('validate.example.com', '/validate');
    await install(validating, configuration('ValidatingWebhookConfiguration', 'coxswain-validator', validator));
    await bundles(validating, 1, 'the bundle of the validator');
  });

  it('puts right what was edited, and touches nothing else', async () => {
    const before = await hooksOf(mutating);
    const patch = [
      { op: 'remove', path: '/webhooks/0/clientConfig/caBundle' },
      { op: 'replace', path: '/webhooks/1/clientConfig/caBundle', value: base64(`${roots[0]}${roots[0]}${roots[0]}`) },
      { op: 'replace', path: '/webhooks/1/failurePolicy', value: 'Ignore' },
    ];
    await client.request('PATCH', mutating, { body: patch, contentType: 'application/json-patch+json' });
    const after = await bundles(mutating, 2, 'the bundles to come back');
    expect(after).to.deep.equal([before[0], { ...before[1], failurePolicy: 'Ignore' }]);
  });

  it('leaves the bundles be when the manifests are applied again', async () => {
    const { metadata } = await client.get(mutating);
    await install(mutating, injector('rev.example.com', 'object.example.com'));
    await bundles(mutating, 2, 'the bundles');
    await install(mutating, injector('rev.example.com', 'object.example.com'));
    const again = await client.get(mutating);
    expect(again.metadata.generation).to.equal((metadata.generation ?? 0) + 1); // failurePolicy alone
  });

  it('follows the roots', async () => {
    roots = [...roots, ...roots];
    changed.tell();
    await bundles(mutating, 2, 'the new bundle of the injector');
    await bundles(validating, 1, 'the new bundle of the validator');
  });

  it('follows webhooks that come and go', async () => {
    await client.request('PATCH', mutating, {
      body: [
        { op: 'remove', path: '/webhooks/0' },
        { op: 'add', path: '/webhooks/-', value: hook('new.example.com', '/x') },
      ],
      contentType: 'application/json-patch+json',
    });
    const hooks = await bundles(mutating, 2, 'the bundle of the new one');
    expect(hooks.map(({ name }) => name)).to.deep.equal(['object.example.com', 'new.example.com']);
    await client.remove(mutating);
    await install(mutating, injector('rev.example.com'));
    await bundles(mutating, 1, 'the bundle of the one that was made anew');
  });
});
