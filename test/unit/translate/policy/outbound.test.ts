import { expect } from 'chai';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { Service } from '../../../../src/model/service.ts';
import { domainsOf, effectiveService } from '../../../../src/translate/policy/outbound.ts';
import { pod, service, snapshotOf, wholePart } from '../../../support/objects.ts';

const effective = (target: Service, ...objects: readonly MeshObject[]) => {
  const snapshot = snapshotOf([target, ...objects]);
  return effectiveService(snapshot, target, wholePart(target));
};

/** A port that no rule speaks of. */
const unruled = {
  subset: '',
  subsets: [],
  policy: {
    connectionPool: undefined,
    loadBalancer: undefined,
    outlierDetection: undefined,
    proxyProtocol: undefined,
    retryBudget: undefined,
    tunnel: undefined,
  },
};

describe('effectiveService', () => {
  it('has all that clients need, ports in order', () => {
    const web = service(
      'foo',
      'web',
      [
        [9000, 9000, 'tcp'],
        [80, 'http', 'http'],
      ],
      { addresses: ['10.96.0.1'] },
    );
    const workload = pod('foo', 'web-1', '10.0.0.1', { namedPorts: { http: 8080 }, serviceAccount: 'web' });
    const servers = ['spiffe://cluster.local/ns/foo/sa/web'];
    expect(effective(web, workload)).to.deep.equal({
      registry: 'kubernetes',
      createdAt: 0,
      name: 'web',
      namespace: 'foo',
      host: 'web.foo.svc.cluster.local',
      addresses: ['10.96.0.1'],
      headless: false,
      listenAt: ['10.96.0.1'],
      blocks: [],
      everywhere: false,
      discovery: 'eds',
      ports: [
        {
          port: 80,
          protocol: 'http',
          tls: 'auto',
          servers,
          endpoints: [{ address: '10.0.0.1', port: 8080, mtls: true }],
          ...unruled,
        },
        {
          port: 9000,
          protocol: 'tcp',
          tls: 'auto',
          servers,
          endpoints: [{ address: '10.0.0.1', port: 9000, mtls: true }],
          ...unruled,
        },
      ],
      rule: '',
      aliases: [],
    });
  });

  it('takes the first of two ports of one number, with its own endpoints', () => {
    const twice = service('foo', 'web', [
      [80, 8080, 'http'],
      [80, 9090, 'tcp'],
    ]);
    expect(
      effective(twice, pod('foo', 'web-1', '10.0.0.1')).ports.map(({ protocol, endpoints }) => ({
        protocol,
        endpoints,
      })),
    ).to.deep.equal([{ protocol: 'http', endpoints: [{ address: '10.0.0.1', port: 8080, mtls: true }] }]);
  });

  it('knows the identities of all ports for each', () => {
    const web = service('foo', 'web', [
      [80, 'http', 'http'],
      [81, 'admin', 'http'],
    ]);
    const workloads = [
      pod('foo', 'web-1', '10.0.0.1', { namedPorts: { http: 8080 }, serviceAccount: 'a' }),
      pod('foo', 'web-2', '10.0.0.2', { namedPorts: { admin: 8081 }, serviceAccount: 'b' }),
    ];
    const both = ['spiffe://cluster.local/ns/foo/sa/a', 'spiffe://cluster.local/ns/foo/sa/b'];
    expect(effective(web, ...workloads).ports.map(({ servers }) => servers)).to.deep.equal([both, both]);
  });

  describe('of a headless service', () => {
    const db = service('foo', 'db', [[3306, 3306, 'tcp']], { headless: true });
    const [one, two] = [pod('foo', 'db-1', '10.0.0.1'), pod('foo', 'db-2', '10.0.0.2')];
    const [plain] = [pod('foo', 'db-3', '10.0.0.3', { tlsMode: 'disabled' })];
    const port = (...objects: readonly MeshObject[]) => effective(db, ...objects).ports[0];

    it('listens at its pods, and lets connections keep the pod that they are meant for', () => {
      const found = effective(db, two, one);
      expect(found.listenAt).to.deep.equal(['10.0.0.1', '10.0.0.2']);
      expect(found.addresses).to.deep.equal([]);
      expect(found.ports[0]?.policy.loadBalancer).to.deep.equal({ method: 'PASSTHROUGH', warmup: undefined });
    });

    it('speaks mTLS where all of its pods take it, and plaintext where one does not', () => {
      expect(port(one, two)?.tls).to.deep.equal({ mode: 'ISTIO_MUTUAL', sni: '', subjectAltNames: [] });
      expect(port(one, two)?.servers).to.deep.equal(['spiffe://cluster.local/ns/foo/sa/db']);
      expect(port(one, plain)?.tls).to.equal('plaintext');
      expect(port()?.tls).to.equal('plaintext');
    });

    it('is balanced like any other by a gateway, which intercepts nothing', () => {
      const snapshot = snapshotOf([db, one]);
      const found = effectiveService(snapshot, db, { ...wholePart(db), client: 'router' });
      expect(found.listenAt).to.deep.equal([]);
      expect(found.ports[0]).to.deep.include({ tls: 'auto', policy: unruled.policy });
    });

    it('has the names of its pods, too', () => {
      expect(domainsOf(effective(db))).to.deep.equal([
        'db.foo.svc.cluster.local',
        '*.db.foo.svc.cluster.local',
        'db.foo',
        'db.foo.svc',
      ]);
    });
  });
});

describe('domainsOf', () => {
  const web = effective(service('foo', 'web', [], { addresses: ['10.96.0.1'] }));

  it('has the short name for clients of its own namespace alone', () => {
    const names = ['web.foo', 'web.foo.svc', '10.96.0.1'];
    expect(domainsOf(web, 'foo')).to.deep.equal(['web.foo.svc.cluster.local', 'web', ...names]);
    expect(domainsOf(web)).to.deep.equal(['web.foo.svc.cluster.local', ...names]);
  });

  it('has an IPv6 address as it stands in a Host header', () => {
    const six = effective(service('foo', 'six', [], { addresses: ['fd00::1'] }));
    expect(domainsOf(six)).to.include('[fd00::1]').and.not.include('fd00::1');
  });

  it('names nothing twice: Envoy refuses a route table that does', () => {
    const twice = effective(service('foo', 'web', [], { addresses: ['10.96.0.1', '10.96.0.1'] }));
    expect(domainsOf(twice, 'foo')).to.deep.equal(domainsOf(web, 'foo'));
  });

  it('has the names of ExternalName services, the short one where those are', () => {
    const aliases = [{ name: 'shop', namespace: 'bar', host: 'shop.bar.svc.cluster.local' }];
    const named = { ...web, addresses: [], aliases };
    const all = ['web.foo.svc.cluster.local', 'web.foo', 'web.foo.svc', 'shop.bar.svc.cluster.local'];
    expect(domainsOf(named)).to.deep.equal([...all, 'shop.bar', 'shop.bar.svc']);
    expect(domainsOf(named, 'bar')).to.deep.equal([...all, 'shop', 'shop.bar', 'shop.bar.svc']);
  });
});
