import { expect } from 'chai';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { Service } from '../../../../src/model/service.ts';
import { addressOwners, domainsOf, effectiveService } from '../../../../src/translate/policy/outbound.ts';
import { meta, pod, service, snapshotOf } from '../../../support/objects.ts';

const effective = (target: Service, ...objects: readonly MeshObject[]) => {
  const snapshot = snapshotOf([target, ...objects]);
  return effectiveService(snapshot, target, addressOwners(snapshot), undefined);
};

/** A port that no rule speaks of. */
const unruled = {
  subset: '',
  subsets: [],
  policy: { connectionPool: undefined, loadBalancer: undefined, outlierDetection: undefined, proxyProtocol: undefined },
};

describe('addressOwners', () => {
  const claim = (namespace: string, name: string, createdAt: number, ...addresses: readonly string[]) =>
    service(namespace, name, [], { addresses, meta: meta(namespace, name, { createdAt }) });
  const owners = (...services: readonly Service[]) =>
    Object.fromEntries(
      [...addressOwners(snapshotOf(services))].map(([address, { meta }]) => [
        address,
        `${meta.namespace}/${meta.name}`,
      ]),
    );

  it('gives an address to the oldest service that claims it', () => {
    expect(
      owners(claim('foo', 'young', 2, '10.96.0.1', '10.96.0.2'), claim('foo', 'old', 1, '10.96.0.1')),
    ).to.deep.equal({
      '10.96.0.1': 'foo/old',
      '10.96.0.2': 'foo/young',
    });
  });

  it('breaks a tie by name, then by namespace, whatever order they came in', () => {
    const [one, two, three] = [
      claim('foo', 'a', 1, '10.96.0.1'),
      claim('bar', 'b', 1, '10.96.0.1'),
      claim('bar', 'a', 1, '10.96.0.1'),
    ];
    expect(owners(one, two, three)).to.deep.equal({ '10.96.0.1': 'bar/a' });
    expect(owners(three, two, one)).to.deep.equal({ '10.96.0.1': 'bar/a' });
  });
});

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
    });
  });

  it('has only the addresses that are its own', () => {
    const addresses = ['10.96.0.1', '10.96.0.2'];
    const young = service('foo', 'young', [], { addresses, meta: meta('foo', 'young', { createdAt: 2 }) });
    const old = service('bar', 'old', [], { addresses: ['10.96.0.1'], meta: meta('bar', 'old', { createdAt: 1 }) });
    expect(effective(young, old).addresses).to.deep.equal(['10.96.0.2']);
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
      const found = effectiveService(snapshot, db, addressOwners(snapshot), undefined, 'router');
      expect(found.listenAt).to.deep.equal([]);
      expect(found.ports[0]).to.deep.include({ tls: 'auto', policy: unruled.policy });
    });

    it('has the names of its pods, too', () => {
      expect(domainsOf(effective(db), 'other-namespace')).to.deep.equal([
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
    expect(domainsOf(web, 'same-namespace')).to.deep.equal(['web.foo.svc.cluster.local', 'web', ...names]);
    expect(domainsOf(web, 'other-namespace')).to.deep.equal(['web.foo.svc.cluster.local', ...names]);
  });

  it('has an IPv6 address as it stands in a Host header', () => {
    const six = effective(service('foo', 'six', [], { addresses: ['fd00::1'] }));
    expect(domainsOf(six, 'other-namespace')).to.include('[fd00::1]').and.not.include('fd00::1');
  });

  it('names nothing twice: Envoy refuses a route table that does', () => {
    const twice = effective(service('foo', 'web', [], { addresses: ['10.96.0.1', '10.96.0.1'] }));
    expect(domainsOf(twice, 'same-namespace')).to.deep.equal(domainsOf(web, 'same-namespace'));
  });
});
