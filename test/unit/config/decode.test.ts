import { expect } from 'chai';
import { decode } from '../../../src/config/decode.ts';
import { readText } from '../../../src/config/files.ts';
import { anySource } from '../../../src/model/authorization-policy.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { objectKey } from '../../../src/model/object.ts';

const origin = { kind: 'cluster', cluster: 'c' } as const;

function one(document: object): MeshObject {
  const decoded = decode(document, { origin });
  expect(decoded.findings).to.deep.equal([]);
  expect(decoded.objects).to.have.length(1);
  const [object] = decoded.objects;
  if (object === undefined) throw new Error('no object');
  return object;
}

const meta = (name: string, namespace: string, more: object = {}): object => ({
  name,
  namespace,
  labels: {},
  annotations: {},
  createdAt: 0,
  uid: '',
  generation: 0,
  origin,
  ...more,
});

describe('decode', () => {
  it('reads metadata whole, and gives namespaced objects the default namespace', () => {
    const metadata = {
      name: 'sleep',
      labels: { app: 'sleep' },
      annotations: { note: 'x' },
      creationTimestamp: '2026-01-02T03:04:05Z',
      uid: 'u1',
      generation: 7,
    };
    expect(one({ apiVersion: 'v1', kind: 'ServiceAccount', metadata })).to.deep.equal({
      kind: 'ServiceAccount',
      meta: meta('sleep', 'default', {
        labels: { app: 'sleep' },
        annotations: { note: 'x' },
        createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
        uid: 'u1',
        generation: 7,
      }),
    });
    const elsewhere = decode(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { origin, defaultNamespace: 'shop' },
    );
    expect(elsewhere.objects[0]?.meta.namespace).to.equal('shop');
  });

  it('takes what kubectl get prints: nulls, managed fields, status', () => {
    const namespace = one({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: 'foo',
        namespace: 'ignored',
        creationTimestamp: null,
        labels: null,
        managedFields: [{}],
        resourceVersion: '1',
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    expect(namespace).to.deep.equal({ kind: 'Namespace', meta: meta('foo', '') });
  });

  it('reads a PeerAuthentication of either version, its ports in order', () => {
    for (const version of ['v1', 'v1beta1']) {
      const policy = one({
        apiVersion: `security.istio.io/${version}`,
        kind: 'PeerAuthentication',
        metadata: { name: 'web', namespace: 'foo' },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          mtls: { mode: 'PERMISSIVE' },
          portLevelMtls: { 9000: { mode: 'DISABLE' }, 80: { mode: 'STRICT' }, 443: {} },
        },
      });
      expect(policy).to.deep.equal({
        kind: 'PeerAuthentication',
        meta: meta('web', 'foo'),
        selector: { matchLabels: { app: 'web' } },
        mtls: 'PERMISSIVE',
        portLevelMtls: new Map([
          [80, 'STRICT'],
          [443, 'UNSET'],
          [9000, 'DISABLE'],
        ]),
      });
    }
  });

  it('takes a PeerAuthentication without mtls, and one without spec, for UNSET', () => {
    for (const spec of [undefined, {}, { mtls: {} }]) {
      const policy = one({
        apiVersion: 'security.istio.io/v1',
        kind: 'PeerAuthentication',
        metadata: { name: 'a' },
        spec,
      });
      expect(policy).to.deep.equal({
        kind: 'PeerAuthentication',
        meta: meta('a', 'default'),
        selector: { matchLabels: {} },
        mtls: 'UNSET',
        portLevelMtls: new Map(),
      });
    }
  });

  it('reads every predicate of an AuthorizationPolicy and its twin', () => {
    const policy = one({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'web', namespace: 'foo' },
      spec: {
        action: 'DENY',
        rules: [
          {
            from: [
              {
                source: {
                  principals: ['*'],
                  notPrincipals: ['td/ns/a/sa/b'],
                  namespaces: ['a*'],
                  notNamespaces: ['*b'],
                },
              },
              { source: { namespaces: ['c'] } },
            ],
            to: [
              {
                operation: {
                  hosts: ['a.com'],
                  notHosts: ['b.com'],
                  ports: ['80', '8080'],
                  notPorts: ['443'],
                  methods: ['GET'],
                  notMethods: ['POST'],
                  paths: ['/a*'],
                  notPaths: ['*b'],
                },
              },
            ],
          },
          {},
        ],
      },
    });
    const exact = (value: string) => ({ kind: 'exact', value });
    expect(policy).to.deep.equal({
      kind: 'AuthorizationPolicy',
      meta: meta('web', 'foo'),
      selector: { matchLabels: {} },
      targets: [],
      action: 'DENY',
      provider: '',
      dryRun: false,
      rules: [
        {
          from: [
            {
              ...anySource,
              principals: { values: [{ kind: 'present' }], notValues: [exact('td/ns/a/sa/b')] },
              namespaces: { values: [{ kind: 'prefix', value: 'a' }], notValues: [{ kind: 'suffix', value: 'b' }] },
            },
            { ...anySource, namespaces: { values: [exact('c')], notValues: [] } },
          ],
          to: [
            {
              hosts: { values: [exact('a.com')], notValues: [exact('b.com')] },
              ports: { values: [80, 8080], notValues: [443] },
              methods: { values: [exact('GET')], notValues: [exact('POST')] },
              paths: { values: [{ kind: 'prefix', value: '/a' }], notValues: [{ kind: 'suffix', value: 'b' }] },
            },
          ],
          when: [],
        },
        { from: [], to: [], when: [] },
      ],
    });
  });

  it('takes an empty AuthorizationPolicy for an ALLOW of nothing', () => {
    for (const spec of [undefined, {}, { rules: [] }, { action: 'ALLOW' }]) {
      const policy = one({
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'a' },
        spec,
      });
      expect(policy).to.deep.equal({
        kind: 'AuthorizationPolicy',
        meta: meta('a', 'default'),
        selector: { matchLabels: {} },
        targets: [],
        action: 'ALLOW',
        provider: '',
        dryRun: false,
        rules: [],
      });
    }
  });

  it('reads a Service with its protocols, target ports and addresses', () => {
    const service = one({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'foo' },
      spec: {
        selector: { app: 'web' },
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1', 'fd00::1'],
        ports: [
          { name: 'http-web', port: 80, targetPort: 8080 },
          { name: 'db', port: 5432, targetPort: 'pg' },
          { name: 'any', port: 9000, appProtocol: 'grpc' },
        ],
      },
    });
    expect(service).to.deep.equal({
      kind: 'Service',
      meta: meta('web', 'foo'),
      selector: { app: 'web' },
      addresses: ['10.0.0.1', 'fd00::1'],
      headless: false,
      externalName: undefined,
      exportTo: 'all',
      ports: [
        { name: 'http-web', port: 80, targetPort: 8080, protocol: 'http' },
        { name: 'db', port: 5432, targetPort: 'pg', protocol: 'auto' },
        { name: 'any', port: 9000, targetPort: 9000, protocol: 'grpc' },
      ],
    });
  });

  it('knows a headless Service and one without selector', () => {
    const service = one({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db' },
      spec: { clusterIP: 'None', selector: {}, ports: [{ port: 3306 }] },
    });
    expect(service).to.deep.equal({
      kind: 'Service',
      meta: meta('db', 'default'),
      selector: undefined,
      addresses: [],
      headless: true,
      externalName: undefined,
      exportTo: 'all',
      ports: [{ name: '', port: 3306, targetPort: 3306, protocol: 'tcp' }],
    });
  });

  it('reads a Pod: account, named ports (sidecar init containers too), addresses, TLS mode', () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-1', namespace: 'foo', labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' } },
      spec: {
        serviceAccountName: 'web',
        initContainers: [
          { name: 'proxy', restartPolicy: 'Always', ports: [{ name: 'envoy', containerPort: 15090 }] },
          { name: 'init', ports: [{ name: 'gone', containerPort: 1 }] },
        ],
        containers: [
          {
            name: 'web',
            image: 'web',
            env: [{ name: 'A', value: 'b' }],
            ports: [{ name: 'http', containerPort: 8080 }, { containerPort: 1 }],
          },
        ],
      },
      status: { podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }, { ip: 'fd00::7' }] },
    };
    expect(one(pod)).to.deep.equal({
      kind: 'Pod',
      meta: meta('web-1', 'foo', { labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' } }),
      addresses: ['10.0.0.7', 'fd00::7'],
      labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' },
      serviceAccount: 'web',
      namedPorts: { http: 8080, envoy: 15090 },
      tlsMode: 'istio',
      ready: true,
    });
  });

  it('tells a ready Pod from one that is not', () => {
    const ready = (status: object | undefined, metadata: object = {}): unknown => {
      const pod = one({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', ...metadata },
        spec: { containers: [] },
        status,
      });
      return pod.kind === 'Pod' ? pod.ready : undefined;
    };
    const podIP = '10.0.0.1';
    const conditions = (status: string) => [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status },
    ];
    expect(ready({ podIP })).to.equal(true);
    expect(ready({ podIP, conditions: conditions('True') })).to.equal(true);
    expect(ready({ podIP, conditions: conditions('False') })).to.equal(false);
    expect(ready({ podIP, phase: 'Failed' })).to.equal(false);
    expect(ready({ podIP, phase: 'Running' })).to.equal(true);
    expect(ready({ podIP }, { deletionTimestamp: '2026-01-01T00:00:00Z' })).to.equal(false);
    expect(ready({})).to.equal(false);
    expect(ready(undefined)).to.equal(false);
  });

  it('brings a WorkloadEntry of any version to the shape of a Pod', () => {
    for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
      const entry = one({
        apiVersion: `networking.istio.io/${version}`,
        kind: 'WorkloadEntry',
        metadata: { name: 'vm', namespace: 'foo', labels: { tier: 'a' } },
        spec: {
          address: '10.1.0.1',
          labels: { app: 'vm', tier: 'b' },
          ports: { http: 8080 },
          serviceAccount: 'vm',
        },
      });
      expect(entry).to.deep.equal({
        kind: 'WorkloadEntry',
        meta: meta('vm', 'foo', { labels: { tier: 'a' } }),
        addresses: ['10.1.0.1'],
        labels: { app: 'vm', tier: 'a' },
        serviceAccount: 'vm',
        namedPorts: { http: 8080 },
        tlsMode: 'istio',
        ready: true,
      });
    }
    const plain = one({
      apiVersion: 'networking.istio.io/v1',
      kind: 'WorkloadEntry',
      metadata: { name: 'vm' },
      spec: { address: '10.1.0.1' },
    });
    expect(plain).to.include({ serviceAccount: '', tlsMode: 'disabled' });
  });

  it('reads an EndpointSlice without its UDP ports', () => {
    const slice = one({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'foo', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          conditions: { ready: false },
          targetRef: { kind: 'Pod', name: 'web-1', namespace: 'foo' },
        },
        { addresses: ['10.0.0.2'] },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }, { name: 'dns', port: 53, protocol: 'UDP' }, { port: 90 }],
    });
    expect(slice).to.deep.equal({
      kind: 'EndpointSlice',
      meta: meta('web-1', 'foo', { labels: { 'kubernetes.io/service-name': 'web' } }),
      service: 'web',
      ports: [
        { name: 'http', port: 8080 },
        { name: '', port: 90 },
      ],
      endpoints: [
        { addresses: ['10.0.0.1'], ready: false, pod: 'web-1' },
        { addresses: ['10.0.0.2'], ready: true, pod: '' },
      ],
    });
  });

  it('opens Lists, also those that leave the kind of their items out', () => {
    const items = [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }];
    const typed = decode({ apiVersion: 'v1', kind: 'NamespaceList', metadata: {}, items }, { origin });
    expect(typed.objects.map(objectKey)).to.deep.equal(['Namespace//a', 'Namespace//b']);
    const mixed = decode(
      {
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'NamespaceList', items },
          { apiVersion: 'apps/v1', kind: 'Deployment' },
        ],
      },
      { origin },
    );
    expect(mixed.objects.map(objectKey)).to.deep.equal(['Namespace//a', 'Namespace//b']);
    expect(mixed.unknown).to.deep.equal([{ apiVersion: 'apps/v1', kind: 'Deployment' }]);
  });

  it('says nothing about an empty document', () => {
    expect(decode(null, { origin })).to.deep.equal({
      objects: [],
      findings: [],
      unknown: [],
      broken: [],
      unidentified: false,
    });
  });

  it('names what is broken, so that a holder of the last good state can keep it', () => {
    const decoded = decode(
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'foo' },
        spec: { ports: [{ port: 0 }] },
      },
      { origin },
    );
    expect(decoded.objects).to.deep.equal([]);
    expect(decoded.broken).to.deep.equal([{ kind: 'Service', namespace: 'foo', name: 'web' }]);
  });

  it('is not fooled by keys that every JavaScript object has', () => {
    const text = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: a
  labels:
    __proto__: x
    constructor: z
spec:
  __proto__:
    mtls: {mode: DISABLE}
  selector:
    matchLabels:
      constructor: z
`;
    const { objects, findings } = readText('f.yaml', text);
    expect(findings.map(({ code, field }) => `${code} ${field}`)).to.deep.equal([
      'bad-label metadata.labels.__proto__',
      'unknown-field spec.__proto__',
      'fails-closed ',
    ]);
    const [policy] = objects;
    expect(
      policy?.kind === 'PeerAuthentication' && [policy.mtls, Object.keys(policy.selector.matchLabels)],
    ).to.deep.equal(['STRICT', ['constructor']]);
  });

  it('gives every line of a file its own finding line, after comments, blank lines and Windows line ends', () => {
    const text =
      '# a comment\r\n\r\n---\r\n# another\r\napiVersion: v1\r\nkind: Namespace\r\nmetadata:\r\n  name: A\r\n';
    const { findings } = readText('f.yaml', text);
    expect(findings.map(({ origin: at, field }) => [at, field])).to.deep.equal([
      [{ kind: 'file', path: 'f.yaml', line: 8 }, 'metadata.name'],
    ]);
  });
});
