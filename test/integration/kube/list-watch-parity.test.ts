import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { directorySource } from '../../../src/config/directory.ts';
import { selectNamespaces } from '../../../src/config/discovery.ts';
import { followMesh, type MeshSettings } from '../../../src/config/kubernetes/mesh-config-map.ts';
import { kubernetesSource } from '../../../src/config/kubernetes/source.ts';
import type { ConfigSource } from '../../../src/config/source.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { compareText, objectKey } from '../../../src/model/object.ts';
import { emptySnapshot } from '../../../src/snapshot/snapshot.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';

const crds = fileURLToPath(new URL('../../../deploy/crds', import.meta.url));
const surroundings = { clock: systemClock, random: Math.random, log: silentLogger };

/** A store that follows a source. */
class Follower implements AsyncDisposable {
  readonly store = new Store(defaultMesh);
  readonly #stop = new AbortController();
  readonly #source: ConfigSource;
  readonly #following: Promise<void>;

  constructor(source: ConfigSource) {
    this.#source = source;
    this.#following = (async () => {
      for await (const batch of source.events(this.#stop.signal)) this.store.commit(batch);
    })();
  }

  /** All objects outside Kubernetes' own namespaces, by key, without what only a cluster knows. */
  get objects(): ReadonlyMap<string, object> {
    const own = /^(default|kube-.*)$/;
    const maps: unknown[] = Object.values(this.store.snapshot).filter((value) => value instanceof Map);
    const all = maps.flatMap((kind) => (kind instanceof Map ? [...kind.values()] : []));
    const objects = all.flatMap((named: ReadonlyMap<string, MeshObject>) => [...named.values()]);
    const outside = objects.filter(({ kind, meta }) => !own.test(kind === 'Namespace' ? meta.name : meta.namespace));
    return new Map(
      outside
        .map((object): readonly [string, object] => {
          const { origin: _, uid: __, createdAt: ___, generation: ____, ...meta } = object.meta;
          return [objectKey(object), { ...object, meta }];
        })
        .sort(([a], [b]) => compareText(a, b)),
    );
  }

  get findings(): readonly string[] {
    return this.store.findings
      .map(({ severity, code, object, field, message }) => `${severity} ${code} ${object} ${field}: ${message}`)
      .sort(compareText);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#source[Symbol.asyncDispose]();
  }
}

async function agree(cluster: Follower, directory: Follower): Promise<void> {
  for (const { store } of [cluster, directory])
    await eventually('both to be synced', () => store.synced || undefined, 30_000);
  const all = (follower: Follower): unknown => [follower.objects, follower.findings];
  const equal = (): true | undefined => isDeepStrictEqual(all(cluster), all(directory)) || undefined;
  await eventually('both to agree', equal, 20_000).catch(() => undefined);
  expect([...cluster.objects]).to.deep.equal([...directory.objects]);
  expect(cluster.findings).to.deep.equal(directory.findings);
}

describe('integration: list-watch of a cluster, as of a directory', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
    const { code, stderr } = await cluster.kubectl(['apply', '-f', crds]);
    expect(code, stderr).to.equal(0);
    await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  });

  after(() => cluster[Symbol.asyncDispose]());

  it('gives the same objects and findings for the same manifests, at the start and after edits', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'coxswain-parity-'));
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => rm(dir, { recursive: true, force: true }));
    const write = async (text: string): Promise<void> => {
      await cluster.apply(text);
      // Who may set a status sets it by its own door.
      await cluster.client.request('PUT', '/api/v1/namespaces/shop/pods/web-1/status', {
        body: { ...(await cluster.client.get('/api/v1/namespaces/shop/pods/web-1')), status },
      });
      await writeFile(join(dir, 'all.yaml'), text.replaceAll('status: {}', `status: ${JSON.stringify(status)}`));
    };
    await write(manifests);
    const name = { client: cluster.client, cluster: 'test' };
    const ofCluster = cleanUp.use(new Follower(kubernetesSource({ ...name, ...surroundings })));
    const ofDirectory = cleanUp.use(new Follower(directorySource(dir)));
    await agree(ofCluster, ofDirectory);
    expect([...ofCluster.objects.keys()]).to.deep.equal([
      'AuthorizationPolicy/shop/allow-web',
      'AuthorizationPolicy/shop/deny-all',
      'EndpointSlice/shop/db-1',
      'Namespace//shop',
      'PeerAuthentication/shop/default',
      'PeerAuthentication/shop/web',
      'Pod/shop/web-1',
      'RequestAuthentication/shop/jwt',
      'Service/shop/db',
      'Service/shop/outside',
      'Service/shop/web',
      'ServiceAccount/shop/web',
      'WorkloadEntry/shop/vm',
    ]);
    expect(ofCluster.store.snapshot.pods.get('shop')?.get('web-1')).to.deep.include({
      addresses: ['10.1.0.1'],
      ready: true,
      namedPorts: { http: 8080 },
    });

    await write(manifests.replace('mode: PERMISSIVE', 'mode: STRICT').replace('env: test', 'env: prod'));
    await agree(ofCluster, ofDirectory);
    expect(JSON.stringify([...ofCluster.objects]))
      .to.contain('"env":"prod"')
      .and.contain('"mtls":"STRICT"');
  });

  it('shows and hides what lies in a namespace as its labels change', async () => {
    const selectors = [{ matchLabels: { mesh: 'on' }, matchExpressions: [] }];
    const source = kubernetesSource({ client: cluster.client, cluster: 'test', ...surroundings });
    await using follower = new Follower(selectNamespaces(source, selectors));
    const spaces = async (name: string, ...labels: readonly string[]): Promise<void> => {
      await cluster.kubectl(['label', 'namespace', name, '--overwrite', ...labels]);
    };
    await cluster.client.create('/api/v1/namespaces', { metadata: { name: 'hidden' } });
    await cluster.client.create('/api/v1/namespaces/hidden/serviceaccounts', { metadata: { name: 'app' } });
    const shown = (): boolean => follower.store.snapshot.serviceAccounts.get('hidden')?.has('app') === true;
    await eventually('the namespace', () => follower.objects.has('Namespace//hidden') || undefined, 20_000);
    expect(shown()).to.equal(false);
    await spaces('hidden', 'mesh=on');
    await eventually('its objects', () => shown() || undefined);
    await spaces('hidden', 'mesh-');
    await eventually('its objects to go', () => !shown() || undefined);
  });

  it('follows the mesh settings in their ConfigMap', async () => {
    await cluster.client.create('/api/v1/namespaces', { metadata: { name: 'mesh-root' } });
    const stop = new AbortController();
    const seen: MeshSettings[] = [];
    const options = { client: cluster.client, namespace: 'mesh-root', cluster: 'test', ...surroundings };
    const following = (async () => {
      for await (const settings of followMesh(options, stop.signal)) seen.push(settings);
    })();
    const edit = async (mesh: string): Promise<void> => {
      const metadata = { name: 'istio', namespace: 'mesh-root' };
      await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh } }));
    };
    const until = async (count: number): Promise<MeshSettings | undefined> => {
      await eventually(`${count} states of the settings`, () => seen.length >= count || undefined);
      return seen[count - 1];
    };
    const defaults = { ...defaultMesh, rootNamespace: 'mesh-root' };
    expect(await until(1)).to.deep.equal({ kind: 'usable', mesh: defaults, findings: [] });
    await edit('outboundTrafficPolicy: {mode: REGISTRY_ONLY}');
    expect(await until(2)).to.deep.include({ mesh: { ...defaults, outboundTrafficPolicy: 'REGISTRY_ONLY' } });
    await edit('outboundTrafficPolicy: {mode: ANY}');
    expect(await until(3)).to.deep.include({ mesh: { ...defaults, outboundTrafficPolicy: 'REGISTRY_ONLY' } });
    await cluster.client.remove('/api/v1/namespaces/mesh-root/configmaps/istio');
    expect(await until(4)).to.deep.equal({ kind: 'usable', mesh: defaults, findings: [] });
    stop.abort();
    await following;
  });
});

describe('integration: list-watch of what controllers make', function () {
  this.timeout(120_000);

  it('finds nothing wrong with real objects, and knows pods that are ready, ended or leaving', async () => {
    await using cluster = await startKubeCluster({ controllerManager: true });
    await cluster.client.create('/api/v1/namespaces', { metadata: { name: 'shop' } });
    await cluster.client.create('/api/v1/nodes', { metadata: { name: 'node-1' } });
    await cluster.apply(deployment);
    const source = kubernetesSource({ client: cluster.client, cluster: 'test', ...surroundings });
    await using follower = new Follower(source);
    const pods = () => [...(follower.store.snapshot.pods.get('shop')?.values() ?? [])];
    await eventually('three pods', () => pods().length === 3 || undefined, 60_000);
    const [ready = '', ended = '', leaving = ''] = pods().map(({ meta }) => meta.name);
    const path = '/api/v1/namespaces/shop/pods';
    for (const [index, name] of [ready, ended, leaving].entries()) {
      const target = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
      await cluster.client
        .create(`${path}/${name}/binding`, { metadata: { name, namespace: 'shop' }, target })
        .catch(() => undefined);
      const now = new Date().toISOString();
      const body = {
        ...(await cluster.client.get(`${path}/${name}`)),
        status: {
          phase: name === ended ? 'Failed' : 'Running',
          podIP: `10.1.0.${index + 1}`,
          podIPs: [{ ip: `10.1.0.${index + 1}` }],
          hostIP: '10.0.0.1',
          startTime: now,
          conditions: [
            { type: 'PodScheduled', status: 'True', lastTransitionTime: now },
            { type: 'Ready', status: 'True', lastTransitionTime: now },
          ],
        },
      };
      await cluster.client.request('PUT', `${path}/${name}/status`, { body });
    }
    await cluster.client.request('DELETE', `${path}/${leaving}`, { query: { gracePeriodSeconds: 600 } });
    const state = () =>
      Object.fromEntries(
        pods().map((pod) => [pod.meta.name, `${pod.addresses.join(',')} ${pod.ready ? 'ready' : 'not ready'}`]),
      );
    await eventually(
      'the states of the pods',
      () => {
        const now = state();
        const expected = [
          now[ready] === '10.1.0.1 ready',
          now[ended] === ' not ready',
          now[leaving] === '10.1.0.3 not ready',
        ];
        return expected.every(Boolean) || undefined;
      },
      30_000,
    );
    const endpoints = (): readonly string[] =>
      [...(follower.store.snapshot.endpointSlices.get('shop')?.values() ?? [])].flatMap((slice) =>
        slice.endpoints.map((each) => `${slice.service} ${each.pod} ${each.addresses.join()} ${each.ready}`),
      );
    await eventually('the endpoint', () => endpoints().includes(`web ${ready} 10.1.0.1 true`) || undefined, 30_000);
    expect(
      follower.store.snapshot.services
        .get('shop')
        ?.get('web')
        ?.ports.map(({ port, protocol }) => `${port} ${protocol}`),
    ).to.deep.equal(['80 http']);
    expect(follower.findings).to.deep.equal([]);
    expect(follower.store.snapshot).to.not.deep.equal(emptySnapshot(defaultMesh));
  });
});

const status = {
  phase: 'Running',
  podIP: '10.1.0.1',
  podIPs: [{ ip: '10.1.0.1' }],
  conditions: [{ type: 'Ready', status: 'True' }],
};

/** What the API server fills in for a name is written out: a directory has nobody to do so. */
const manifests = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { kubernetes.io/metadata.name: shop, env: test } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop, annotations: { team: shop } }
spec:
  clusterIP: 10.96.100.1
  selector: { app: web }
  ports:
  - { name: http, port: 80, targetPort: http }
  - { name: grpc-admin, port: 9000 }
  - { name: dns, port: 53, protocol: UDP }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec:
  clusterIP: None
  ports: [{ name: tcp, port: 5432, appProtocol: tcp }]
---
apiVersion: v1
kind: Service
metadata: { name: outside, namespace: shop }
spec: { type: ExternalName, externalName: db.example.com }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, namespace: shop, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ name: tcp, port: 5432 }]
endpoints:
- { addresses: [10.1.0.9], conditions: { ready: true }, targetRef: { kind: Pod, name: db-0, namespace: shop } }
- { addresses: [10.1.0.10], conditions: { ready: false } }
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  namespace: shop
  labels: { app: web, security.istio.io/tlsMode: istio }
spec:
  serviceAccountName: web
  containers:
  - { name: app, image: example/app, ports: [{ name: http, containerPort: 8080 }] }
  - { name: istio-proxy, image: example/proxy }
status: {}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vm, namespace: shop }
spec: { address: 10.2.0.1, labels: { app: web }, serviceAccount: web, ports: { http: 8081 } }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: PERMISSIVE } }
---
apiVersion: security.istio.io/v1beta1
kind: PeerAuthentication
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  portLevelMtls: { 8080: { mode: DISABLE } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: allow-web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  rules:
  - from: [{ source: { principals: [cluster.local/ns/shop/sa/web] } }]
    to: [{ operation: { methods: [GET], paths: [/api/*] } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny-all, namespace: shop }
spec: {}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: {}
`;

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
      - name: app
        image: example/app
        ports: [{ name: http, containerPort: 8080 }]
        livenessProbe: { httpGet: { port: http, path: / } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: http }]
`;
