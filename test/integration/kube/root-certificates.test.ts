import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openClusterAuthority } from '../../../src/cluster/cluster-authority.ts';
import { rootConfigMaps } from '../../../src/cluster/root-config-maps.ts';
import { type KubeClient, openKube } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { Listeners } from '../../../src/lib/listeners.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';

/** What these duties need and no more: with this alone they must work. */
const rights = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: coxswain, namespace: istio-system }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: roots }
rules:
- { apiGroups: [""], resources: [namespaces], verbs: [list, watch] }
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [istio-ca-root-cert]
  verbs: [list, watch, create, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: roots }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: roots }
subjects: [{ kind: ServiceAccount, name: coxswain, namespace: istio-system }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: ca, namespace: istio-system }
rules:
- { apiGroups: [""], resources: [secrets], verbs: [create] }
- { apiGroups: [""], resources: [secrets], resourceNames: [cacerts, istio-ca-secret], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ca, namespace: istio-system }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: ca }
subjects: [{ kind: ServiceAccount, name: coxswain, namespace: istio-system }]
`;

const surroundings = { clock: systemClock, random: Math.random, log: silentLogger };

describe('integration: the authority and its root in the cluster', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;
  /** As the service account. */
  let client: KubeClient;

  before(async () => {
    cluster = await startKubeCluster();
    await cluster.apply(rights);
    client = await asServiceAccount();
  });
  after(async () => {
    client?.[Symbol.dispose]();
    await cluster[Symbol.asyncDispose]();
  });

  async function asServiceAccount(): Promise<KubeClient> {
    const { stdout: token } = await cluster.kubectl(['create', 'token', 'coxswain', '-n', 'istio-system']);
    const kubeconfig = join(cluster.server.dir, 'coxswain.kubeconfig');
    await writeFile(kubeconfig, JSON.stringify(config(token.trim())), { mode: 0o600 });
    return await openKube({ kubeconfig });
  }

  const config = (token: string): object => ({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: {
          server: cluster.client.server,
          'certificate-authority': join(cluster.server.dir, 'certs/apiserver.crt'),
        },
      },
    ],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });

  const path = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps/istio-ca-root-cert`;

  async function configMap(namespace: string): Promise<KubeObject | undefined> {
    try {
      return await cluster.client.get(path(namespace));
    } catch (thrown) {
      if (MeshError.from(thrown).code === 'not-found') return undefined;
      throw thrown;
    }
  }

  const holds = (namespace: string, root: string, what = `the root in ${namespace}`): Promise<KubeObject> =>
    eventually(what, async () => {
      const object = await configMap(namespace);
      const data = object?.['data'] as Readonly<Record<string, string>> | undefined;
      return data?.['root-cert.pem'] === root && object?.metadata.labels?.['istio.io/config'] === 'true'
        ? object
        : undefined;
    });

  const newNamespace = (name: string, labels: object = {}): Promise<KubeObject> =>
    cluster.client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });

  it('gives two replicas that start together one authority, and a third one later the same', async () => {
    const options = { client, namespace: 'istio-system', trustDomain: trustDomain('cluster.local'), ...surroundings };
    const both = await Promise.all([openClusterAuthority(options), openClusterAuthority(options)]);
    const third = await openClusterAuthority(options);
    const fingerprints = [...both, third].map(({ authority }) => authority.fingerprint);
    expect(new Set(fingerprints).size).to.equal(1);
    const secret = await cluster.client.get('/api/v1/namespaces/istio-system/secrets/istio-ca-secret');
    expect(secret['type']).to.equal('istio.io/ca-root');
  });

  it('keeps the root in the selected namespaces, whatever others do to it', async () => {
    let roots = ['ROOT\n'];
    let selected = (labels: Readonly<Record<string, string>>): boolean => labels['mesh'] !== 'no';
    const changed = new Listeners();
    const stop = new AbortController();
    const duty = rootConfigMaps({
      ...surroundings,
      client,
      roots: () => roots,
      selected: (labels) => selected(labels),
      changed: (listener) => changed.add(listener),
    })(stop.signal);
    try {
      // Those that are there, kube-system among them, and one that comes later.
      await holds('kube-system', 'ROOT\n');
      await newNamespace('outside', { mesh: 'no' });
      await newNamespace('foo');
      await holds('foo', 'ROOT\n');
      expect(await configMap('outside')).to.equal(undefined);

      // Edited, relabelled, deleted.
      const { kubectl } = cluster;
      const run = async (...args: readonly string[]): Promise<void> => {
        const { code, stderr } = await kubectl.call(cluster, ['-n', 'foo', ...args]);
        expect([code, stderr]).to.deep.equal([0, '']);
      };
      const name = 'istio-ca-root-cert';
      await run('patch', 'configmap', name, '--patch', '{"data":{"root-cert.pem":"EVIL","note":"theirs"}}');
      await holds('foo', 'ROOT\n', 'the edited root to come back');
      await run('label', 'configmap', name, 'istio.io/config-');
      const kept = await holds('foo', 'ROOT\n', 'the label to come back');
      expect(kept['data']).to.deep.equal({ 'root-cert.pem': 'ROOT\n', note: 'theirs' });
      await run('delete', 'configmap', name);
      const anew = await holds('foo', 'ROOT\n', 'the deleted ConfigMap to come back');
      expect(anew['data']).to.deep.equal({ 'root-cert.pem': 'ROOT\n' });

      // A second root: all get it.
      roots = ['ROOT\n', 'SECOND\n'];
      changed.tell();
      await Promise.all(['foo', 'kube-system', 'default'].map((each) => holds(each, 'ROOT\nSECOND\n')));

      // Deselected: ours goes, and what is theirs stays.
      await newNamespace('shared');
      await holds('shared', 'ROOT\nSECOND\n');
      await run('-n', 'shared', 'patch', 'configmap', name, '--patch', '{"data":{"note":"theirs"}}');
      selected = (labels) => !['foo', 'shared'].includes(labels['kubernetes.io/metadata.name'] ?? '');
      changed.tell();
      await eventually('the ConfigMap to go', async () => ((await configMap('foo')) === undefined ? true : undefined));
      await eventually('our root to go', async () => {
        const data = (await configMap('shared'))?.['data'] as object | undefined;
        return data !== undefined && !('root-cert.pem' in data) ? true : undefined;
      });
      expect((await configMap('shared'))?.['data']).to.deep.equal({ note: 'theirs' });
      expect((await configMap('default'))?.['data']).to.deep.equal({ 'root-cert.pem': 'ROOT\nSECOND\n' });

      // And back again.
      selected = () => true;
      changed.tell();
      await Promise.all(['foo', 'shared', 'outside'].map((each) => holds(each, 'ROOT\nSECOND\n')));
    } finally {
      stop.abort();
      await duty;
    }
  });

  it('writes nothing where all is right: another leader takes over in silence', async () => {
    const versions = async (): Promise<unknown> => {
      const list = (await cluster.client.request('GET', '/api/v1/configmaps')) as { readonly items: KubeObject[] };
      return list.items.map(({ metadata }) => [metadata.namespace, metadata.name, metadata.resourceVersion]);
    };
    const before = await versions();
    let writes = 0;
    const counting: KubeClient = {
      ...client,
      namespace: client.namespace,
      server: client.server,
      stream: (...args) => client.stream(...args),
      request: (method, ...args) => {
        if (method !== 'GET') writes += 1;
        return client.request(method, ...args);
      },
      [Symbol.dispose]: () => undefined,
    };
    const stop = new AbortController();
    const duty = rootConfigMaps({
      ...surroundings,
      client: counting,
      roots: () => ['ROOT\n', 'SECOND\n'],
      selected: () => true,
    })(stop.signal);
    await newNamespace('last');
    await holds('last', 'ROOT\nSECOND\n');
    await cluster.client.remove(path('last'));
    await holds('last', 'ROOT\nSECOND\n');
    stop.abort();
    await duty;
    expect(writes).to.equal(2);
    const after = (await versions()) as readonly unknown[];
    expect(after.filter((each) => Array.isArray(each) && each[0] !== 'last')).to.deep.equal(before);
  });
});
