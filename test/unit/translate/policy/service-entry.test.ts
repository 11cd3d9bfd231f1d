import { expect } from 'chai';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { ServiceEntry } from '../../../../src/model/service-entry.ts';
import type { TrafficPolicy } from '../../../../src/model/traffic-policy.ts';
import { destinationOf } from '../../../../src/translate/policy/destination-rules.ts';
import { domainsOf } from '../../../../src/translate/policy/outbound.ts';
import { effectiveEntry } from '../../../../src/translate/policy/service-entry.ts';
import {
  destinationRule,
  entryEndpoint,
  noPolicy,
  peerAuthentication,
  pod,
  serviceEntry,
  snapshotOf,
  wholePart,
} from '../../../support/objects.ts';

const host = 'api.example.com';

function effective(entry: ServiceEntry, ...objects: readonly MeshObject[]) {
  const snapshot = snapshotOf([entry, ...objects]);
  const namespace = entry.meta.namespace;
  const rule = destinationOf(snapshot, { host, namespace }, { namespace, labels: {} });
  return effectiveEntry(snapshot, entry, host, { ...wholePart(entry), destination: rule });
}
const api = (more: Partial<ServiceEntry>) => serviceEntry('shop', 'api', host, [[80, 8080, 'http']], more);
const first = (more: Partial<ServiceEntry>, ...objects: readonly MeshObject[]) =>
  effective(api(more), ...objects).ports[0];

describe('effectiveEntry', () => {
  it('keeps the address of connections with resolution NONE, and with DYNAMIC_DNS', () => {
    for (const resolution of ['NONE', 'DYNAMIC_DNS'] as const) {
      expect(first({ resolution })).to.deep.include({
        policy: {
          loadBalancer: { method: 'PASSTHROUGH', warmup: undefined },
          connectionPool: undefined,
          outlierDetection: undefined,
          proxyProtocol: undefined,
          retryBudget: undefined,
          tunnel: undefined,
        },
        tls: 'plaintext',
        endpoints: [],
      });
    }
  });

  it('resolves its own name with DNS where nothing else is listed', () => {
    const own = [{ address: host, port: 8080, mtls: false }];
    expect(effective(api({ resolution: 'DNS' }))).to.deep.include({ discovery: 'strict-dns' });
    expect(effective(api({ resolution: 'DNS_ROUND_ROBIN' }))).to.deep.include({ discovery: 'logical-dns' });
    expect(first({ resolution: 'DNS' })?.endpoints).to.deep.equal(own);
    const listed = [entryEndpoint('shop', 'a.example.com', { namedPorts: { 'http-80': 9090 } })];
    expect(first({ resolution: 'DNS', endpoints: listed })?.endpoints).to.deep.equal([
      { address: 'a.example.com', port: 9090, mtls: false },
    ]);
    expect(first({ resolution: 'STATIC' })?.endpoints).to.deep.equal([]);
  });

  it('has listed endpoints with their own ports and weights', () => {
    const [one, two] = [entryEndpoint('shop', '10.1.0.1'), entryEndpoint('shop', '/run/app.sock')];
    const endpoints = [{ ...one, weight: 3 }, two];
    expect(first({ resolution: 'STATIC', endpoints })?.endpoints).to.deep.equal([
      { address: '10.1.0.1', port: 8080, mtls: false, weight: 3 },
      { address: '/run/app.sock', port: 8080, mtls: false },
    ]);
  });

  it('has the workloads that its selector picks in its namespace, ready ones, in a stable order', () => {
    const selector = { resolution: 'STATIC', workloadSelector: { matchLabels: { app: 'api' } } } as const;
    const workloads = [
      pod('shop', 'api-2', '10.0.0.2', { kind: 'WorkloadEntry', namedPorts: { 'http-80': 9000 } }),
      pod('shop', 'api-1', '10.0.0.1'),
      pod('shop', 'api-3', '10.0.0.3', { ready: false }),
      pod('shop', 'web-1', '10.0.0.4'),
      pod('bank', 'api-5', '10.0.0.5'),
    ];
    const expected = [
      { address: '10.0.0.1', port: 8080, mtls: false },
      { address: '10.0.0.2', port: 9000, mtls: false },
    ];
    expect(first(selector, ...workloads)?.endpoints).to.deep.equal(expected);
    expect(first(selector, ...[...workloads].reverse())?.endpoints).to.deep.equal(expected);
  });

  describe('and TLS', () => {
    const endpoints = [entryEndpoint('shop', '10.1.0.1', { serviceAccount: 'api' }), entryEndpoint('shop', '10.1.0.2')];
    const internal = { resolution: 'STATIC', location: 'internal', endpoints } as const;
    const servers = ['spiffe://cluster.local/ns/shop/sa/api'];

    it('speaks auto mTLS inside the mesh, to endpoints with an identity', () => {
      const port = first(internal);
      expect(port).to.deep.include({ tls: 'auto', servers });
      expect(port?.endpoints.map(({ mtls }) => mtls)).to.deep.equal([true, false]);
    });

    it('speaks plaintext outside, whatever identity is written, and no identity is expected', () => {
      const port = first({ ...internal, location: 'external' });
      expect(port).to.deep.include({ tls: 'plaintext', servers: [] });
      expect(port?.endpoints.map(({ mtls }) => mtls)).to.deep.equal([false, false]);
    });

    it('follows the PeerAuthentication of its namespace', () => {
      expect(first(internal, peerAuthentication('shop', 'p', 'DISABLE'))?.tls).to.equal('plaintext');
    });

    const ruled = (tls: TrafficPolicy['tls']) => destinationRule('shop', 'r', host, { ...noPolicy, tls });
    const simple = {
      mode: 'SIMPLE',
      certificate: undefined,
      authorities: { kind: 'system' },
      revoked: '',
      subjectAltNames: [],
      sni: host,
    } as const;

    it('lends its names to a rule that asks for TLS and names nobody', () => {
      const subjectAltNames = ['api.internal'];
      expect(first({ subjectAltNames }, ruled(simple))?.tls).to.deep.equal({ ...simple, subjectAltNames });
      const own = { ...simple, subjectAltNames: ['own'] };
      expect(first({ subjectAltNames }, ruled(own))?.tls).to.deep.equal(own);
    });

    it('expects the mesh identities among its names beside those of its workloads', () => {
      const written = 'spiffe://cluster.local/ns/vm/sa/api';
      expect(first({ ...internal, subjectAltNames: [written, 'api.internal'] })?.servers).to.deep.equal([
        ...servers,
        written,
      ]);
      const mutual = ruled({ mode: 'ISTIO_MUTUAL', sni: '', subjectAltNames: [] });
      expect(first({ ...internal, location: 'external', subjectAltNames: [written] }, mutual)?.servers).to.deep.equal([
        written,
      ]);
    });
  });

  it('is known by its addresses, by blocks, or by its name alone', () => {
    const block = { address: '10.0.0.0', prefixLength: 8 };
    const known = (more: Partial<ServiceEntry>) => {
      const { listenAt, blocks, everywhere } = effective(api(more));
      return { listenAt, blocks, everywhere };
    };
    expect(known({})).to.deep.equal({ listenAt: [], blocks: [], everywhere: true });
    expect(known({ addresses: ['10.1.2.3'] })).to.deep.equal({ listenAt: ['10.1.2.3'], blocks: [], everywhere: false });
    expect(known({ blocks: [block] })).to.deep.equal({ listenAt: [], blocks: [block], everywhere: false });
  });

  it('has its host and its addresses for names, and no short ones', () => {
    const found = effective(api({ addresses: ['10.1.2.3', 'fd00::1'] }));
    expect(domainsOf(found, 'shop')).to.deep.equal([host, '10.1.2.3', '[fd00::1]']);
    expect(domainsOf(found)).to.deep.equal(domainsOf(found, 'shop'));
  });
});
