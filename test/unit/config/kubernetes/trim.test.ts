import { expect } from 'chai';
import { decode } from '../../../../src/config/decode.ts';
import { trimOf } from '../../../../src/config/kubernetes/trim.ts';

const metadata = {
  name: 'a',
  namespace: 'foo',
  uid: 'u',
  resourceVersion: '7',
  labels: { app: 'a' },
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"a":1}', keep: 'this' },
  creationTimestamp: '2026-01-02T03:04:05Z',
  managedFields: [{ manager: 'kubectl' }],
  finalizers: ['x'],
  ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'y' }],
};
const kept = {
  name: 'a',
  namespace: 'foo',
  uid: 'u',
  resourceVersion: '7',
  labels: { app: 'a' },
  annotations: { keep: 'this' },
  creationTimestamp: '2026-01-02T03:04:05Z',
};

describe('trimming of cluster objects', () => {
  it('holds nothing of a Secret that is no credential', () => {
    const trim = trimOf('Secret', true);
    const data = { 'tls.crt': 'Qw==', 'ca.crt': 'Qw==', password: 'cGFzcw==' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata, data };
    const { labels: _, annotations: __, ...plain } = kept;
    const left = { apiVersion: 'v1', kind: 'Secret', metadata: plain };
    expect(trim({ ...secret, type: 'Opaque' })).to.deep.equal({
      ...left,
      type: 'Opaque',
      data: { 'tls.crt': 'Qw==', 'ca.crt': 'Qw==' },
    });
    const token = 'kubernetes.io/service-account-token';
    expect(trim({ ...secret, type: token })).to.deep.equal({ ...left, type: token });
  });

  it('leaves of a Pod what its reader reads, and nothing that a newer API may have added', () => {
    const trimmed = trimOf(
      'Pod',
      true,
    )({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        serviceAccountName: 'a',
        nodeName: 'n',
        fieldOfTomorrow: true,
        containers: [
          {
            name: 'app',
            image: 'x',
            env: [],
            ports: [{ containerPort: 80, name: 'http', protocol: 'TCP', hostIP: '' }],
          },
        ],
        initContainers: [{ name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 90, name: 'side' }] }],
      },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1', more: 1 }],
        hostIP: '1.1.1.1',
        conditions: [
          { type: 'PodScheduled', status: 'True', lastProbeTime: null },
          { type: 'Ready', status: 'False', reason: 'x' },
        ],
      },
    });
    expect(trimmed).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: kept,
      spec: {
        serviceAccountName: 'a',
        containers: [{ name: 'app', ports: [{ containerPort: 80, name: 'http', protocol: 'TCP' }] }],
        initContainers: [{ name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 90, name: 'side' }] }],
      },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1' }],
        conditions: [
          { type: 'PodScheduled', status: 'True' },
          { type: 'Ready', status: 'False' },
        ],
      },
    });
    const { objects, findings } = decode(trimmed, { origin: { kind: 'cluster', cluster: 'c' } });
    expect(findings).to.deep.equal([]);
    expect(objects[0]).to.deep.include({ addresses: ['10.0.0.1'], namedPorts: { http: 80, side: 90 }, ready: false });
  });

  for (const phase of ['Succeeded', 'Failed']) {
    it(`takes the address from a Pod that has ${phase.toLowerCase()}: another may have it by now`, () => {
      const status = { phase, podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions: [] };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'a' }] }, status };
      const { objects } = decode(trimOf('Pod', true)(pod), { origin: { kind: 'cluster', cluster: 'c' } });
      expect(objects[0]).to.deep.include({ addresses: [], ready: false });
    });
  }

  it('leaves a Pod that is being deleted its address, as its connections go on; it is not ready', () => {
    const deleting = { ...metadata, deletionTimestamp: '2026-01-02T03:04:05Z' };
    const status = { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: deleting, spec: { containers: [{ name: 'a' }] }, status };
    const { objects } = decode(trimOf('Pod', true)(pod), { origin: { kind: 'cluster', cluster: 'c' } });
    expect(objects[0]).to.deep.include({ addresses: ['10.0.0.1'], ready: false });
  });

  it('leaves of a Service its addresses, ports and selector', () => {
    const trimmed = trimOf(
      'Service',
      true,
    )({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.2',
        clusterIPs: ['10.96.0.2'],
        selector: { app: 'a' },
        ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', appProtocol: 'http', nodePort: 30_000 }],
        sessionAffinity: 'None',
        fieldOfTomorrow: 1,
      },
      status: { loadBalancer: {} },
    });
    expect(trimmed).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: kept,
      spec: {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.2',
        clusterIPs: ['10.96.0.2'],
        selector: { app: 'a' },
        ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', appProtocol: 'http' }],
      },
    });
  });

  it('leaves of an EndpointSlice where its endpoints are', () => {
    const trimmed = trimOf(
      'EndpointSlice',
      true,
    )({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: 'Pod', name: 'a-1', namespace: 'foo', uid: 'u' },
          nodeName: 'n',
          hints: {},
        },
        { addresses: ['10.0.0.2'] },
      ],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', appProtocol: null }],
    });
    expect(trimmed).to.deep.equal({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: kept,
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'a-1' } },
        { addresses: ['10.0.0.2'] },
      ],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    });
  });

  it('leaves of Namespaces and ServiceAccounts their metadata', () => {
    const rest = { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' }, secrets: [] };
    for (const kind of ['Namespace', 'ServiceAccount'])
      expect(trimOf(kind, true)({ apiVersion: 'v1', kind, metadata, ...rest })).to.deep.equal({
        apiVersion: 'v1',
        kind,
        metadata: kept,
      });
  });

  it('leaves custom resources whole, unknown fields too, without the status that we wrote', () => {
    const policy = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', spec: { mtlss: 1 }, specc: 2 };
    expect(trimOf('PeerAuthentication', true)({ ...policy, metadata, status: { conditions: [] } })).to.deep.equal({
      ...policy,
      metadata: kept,
    });
    const reported = { ...policy, kind: 'RequestAuthentication', metadata };
    expect(trimOf('RequestAuthentication', false)(reported)).to.deep.equal({
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata: kept,
    });
  });
});
