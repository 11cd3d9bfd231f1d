import { toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { SourceEvent } from '../../../src/config/source.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Proxy } from '../../../src/model/proxy.ts';
import { pushOrder, shortTypeNames, types } from '../../../src/model/type-urls.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { type CompiledProxy, Compiler } from '../../../src/translate/compiler.ts';
import { gatewayDocument, objectsOf, secretYaml, type TestServer } from '../../support/gateway-documents.ts';
import {
  authorizationPolicy,
  destinationRule,
  httpAuthorizer,
  jwtRule,
  noPolicy,
  peerAuthentication,
  pod,
  requestAuthentication,
  service,
  sidecar,
} from '../../support/objects.ts';
import { createTestCa, type Leaf } from '../../support/rbac-certificates.ts';

const apply = (object: MeshObject): SourceEvent => ({ type: 'apply', object });
const deny = authorizationPolicy('istio-system', 'deny', 'DENY', [{}]);

/** A compiler over a store, and what each attached proxy was told, call by call. */
class Told {
  readonly store = new Store(defaultMesh);
  readonly compiler: Compiler;
  readonly #calls = new Map<string, string[]>();

  constructor(...objects: readonly MeshObject[]) {
    const { snapshot } = this.store.commit([{ type: 'reset', objects }]);
    this.compiler = new Compiler(snapshot, new BuildCache({ verify: true }));
  }

  attach(name: string, proxy: Proxy): CompiledProxy {
    const calls: string[] = [];
    this.#calls.set(name, calls);
    return this.compiler.attach(proxy, (types) => {
      calls.push(
        [...types]
          .map((type) => shortTypeNames[type] ?? type)
          .sort()
          .join(' '),
      );
    });
  }

  /** New keys of issuers; what each proxy was told. */
  keys(keySets: Parameters<Store['setKeySets']>[0]): Readonly<Record<string, readonly string[]>> {
    for (const calls of this.#calls.values()) calls.length = 0;
    this.compiler.update(this.store.setKeySets(keySets), []);
    return Object.fromEntries([...this.#calls].map(([name, calls]) => [name, [...calls]]));
  }

  /** Applies one batch; what each proxy was told, one text per call. */
  change(...events: readonly SourceEvent[]): Readonly<Record<string, readonly string[]>> {
    for (const calls of this.#calls.values()) calls.length = 0;
    const { snapshot, changes } = this.store.commit(events);
    this.compiler.update(snapshot, changes);
    return Object.fromEntries([...this.#calls].map(([name, calls]) => [name, [...calls]]));
  }
}

const servers: readonly [TestServer, TestServer] = [
  { port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] },
  {
    port: 443,
    name: 'https',
    protocol: 'HTTPS',
    hosts: ['shop.example'],
    tls: { mode: 'SIMPLE', credentialName: 'shop' },
  },
];
const one = pod('foo', 'one', '10.0.0.1', { labels: { app: 'web', version: 'v1' } });
const two = pod('foo', 'two', '10.0.0.2', { labels: { app: 'web', version: 'v1' } });
const three = pod('foo', 'three', '10.0.0.3', { labels: { app: 'web', version: 'v2' } });
const byVersion = service('foo', 'by-version', [], { selector: { version: 'v9' } });

describe('Compiler: what a proxy is told', () => {
  let leaf: Leaf;
  let renewed: Leaf;
  before(async () => {
    const ca = await createTestCa();
    leaf = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
    renewed = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
  });

  it('tells a proxy that moves between views in the very batch that changes both views alike', () => {
    const told = new Told(one, two, three, byVersion);
    for (const each of [one, two, three]) told.attach(each.meta.name, sidecar(each));
    const moved = { ...one, labels: three.labels };
    expect(told.change(apply(moved), apply(deny))).to.deep.equal({
      one: ['ECDS LDS'],
      two: ['ECDS LDS'],
      three: ['ECDS LDS'],
    });
  });

  it('tells nothing to a proxy that moves to a view of equal configuration', () => {
    const told = new Told(one, two, three, byVersion);
    const compiled = told.attach('one', sidecar(one));
    const before = compiled.view;
    expect(told.change(apply({ ...one, labels: three.labels }))).to.deep.equal({ one: [] });
    expect(compiled.view).to.not.equal(before);
  });

  it('tells each only of the types that it gets', () => {
    const told = new Told(one);
    told.attach('vhds', sidecar(one));
    told.attach('inline', sidecar(one, { routes: 'inline' }));
    told.attach('router', sidecar(one, { kind: 'router' }));
    const http = (address: string) => apply(service('bar', 'api', [[80, 8080, 'http']], { addresses: [address] }));
    expect(
      told.change(http('10.96.0.1')),
      'a first HTTP service: a port, its route table, its virtual host',
    ).to.deep.equal({
      vhds: ['CDS EDS LDS RDS VHDS'],
      inline: ['CDS EDS LDS RDS'],
      router: ['CDS EDS'],
    });
    expect(told.change(http('10.96.0.2')), 'another address: one more name of its virtual host').to.deep.equal({
      vhds: ['VHDS'],
      inline: ['RDS'],
      router: [],
    });
    expect(told.change(apply(deny)), 'a policy: a router without Gateways has no chain for it').to.deep.equal({
      vhds: ['ECDS LDS'],
      inline: ['ECDS LDS'],
      router: [],
    });
  });

  it('tells a router of its Gateways, and of each Secret that they name by the type of secrets alone', () => {
    const told = new Told(one, two);
    told.attach('router', sidecar(one, { kind: 'router' }));
    told.attach('other', sidecar(two, { kind: 'router' }));
    told.attach('sidecar', sidecar(one));
    const none = { router: [], other: [], sidecar: [] };
    const [gateway, [plain, https]] = [{ namespace: 'bar', selector: { app: 'web' } }, servers];
    const put = (...of: readonly TestServer[]) => objectsOf(gatewayDocument('edge', of, gateway)).map(apply);
    expect(told.change(...put(plain)), 'a port').to.deep.equal({
      ...none,
      router: ['ECDS LDS RDS'],
      other: ['ECDS LDS RDS'],
    });
    expect(told.change(...put(plain, https)), 'without its Secret').to.deep.equal({
      ...none,
      router: ['LDS'],
      other: ['LDS'],
    });
    const secret = (name: string, of: Leaf) =>
      objectsOf(secretYaml(name, { 'tls.crt': of.certificate, 'tls.key': of.key }, 'foo')).map(apply);
    expect(told.change(...secret('shop', leaf)), 'the Secret').to.deep.equal({
      ...none,
      router: ['LDS RDS SDS'],
      other: ['LDS RDS SDS'],
    });
    const compiled = told.compiler.stats().viewsCompiled;
    expect(told.change(...secret('another', leaf)), 'what nobody names').to.deep.equal(none);
    expect(told.compiler.stats().viewsCompiled).to.equal(compiled);
    expect(told.change(...secret('shop', renewed)), 'a renewal').to.deep.equal({
      ...none,
      router: ['SDS'],
      other: ['SDS'],
    });
    expect(told.change(apply({ ...two, labels: { app: 'db' } })), 'relabelled').to.deep.equal({
      ...none,
      other: ['ECDS LDS RDS SDS'],
    });
  });

  it('tells a router of the Secret of a rule: of a cluster where it comes, breaks or goes, of a renewal by secrets alone', () => {
    const rule = destinationRule('foo', 'out', 'api.bar.svc.cluster.local', {
      ...noPolicy,
      tls: {
        mode: 'MUTUAL',
        certificate: { kind: 'credential', name: 'shop' },
        authorities: { kind: 'none' },
        revoked: '',
        subjectAltNames: [],
        sni: '',
      },
    });
    const [plain] = servers;
    const gateway = objectsOf(gatewayDocument('edge', [plain], { namespace: 'bar', selector: { app: 'web' } }));
    const told = new Told(one, service('bar', 'api', [[80, 8080, 'http']]), rule, ...gateway);
    const compiled = told.attach('router', sidecar(one, { kind: 'router' }));
    told.attach('sidecar', sidecar(one));
    const asked = (): readonly string[] => {
      const clusters = compiled.layers(types.cluster).flatMap((each) => [...each.resources.values()]);
      const text = clusters.map(({ body }) => JSON.stringify(toJson('envoy.config.cluster.v3.Cluster', body))).join();
      return text.match(/kubernetes:[^"]+/g) ?? [];
    };
    const secret = (of: Leaf) =>
      objectsOf(secretYaml('shop', { 'tls.crt': of.certificate, 'tls.key': of.key }, 'foo')).map(apply);
    expect(asked()).to.deep.equal(['kubernetes://shop#withheld']);
    expect(told.change(...secret(leaf)), 'the Secret').to.deep.equal({ router: ['CDS SDS'], sidecar: [] });
    expect(asked()).to.deep.equal(['kubernetes://shop']);
    expect(told.change(...secret(renewed)), 'a renewal').to.deep.equal({ router: ['SDS'], sidecar: [] });
    expect(told.change(...secret({ ...leaf, key: renewed.key })), 'broken').to.deep.equal({
      router: ['CDS SDS'],
      sidecar: [],
    });
    expect(asked()).to.deep.equal(['kubernetes://shop#withheld']);
    told.change(...secret(leaf));
    const ref = { kind: 'Secret', namespace: 'foo', name: 'shop' } as const;
    expect(told.change({ type: 'delete', ref }), 'taken back').to.deep.equal({ router: ['CDS SDS'], sidecar: [] });
    expect(asked()).to.deep.equal(['kubernetes://shop#withheld']);
  });

  it('tells everybody of new mesh settings, as far as they matter', () => {
    const told = new Told(one, service('foo', 'web', [[80, 8080, 'http']]));
    const calls: string[] = [];
    told.compiler.attach(sidecar(one), (types) => {
      calls.push(
        [...types]
          .map((type) => shortTypeNames[type] ?? type)
          .sort()
          .join(' '),
      );
    });
    told.compiler.update(told.store.setMesh({ ...defaultMesh, outboundTrafficPolicy: 'REGISTRY_ONLY' }), []);
    expect(calls, 'the inbound side stays the same objects').to.deep.equal(['CDS EDS LDS RDS VHDS']);
  });

  it('tells of fetched keys only those who trust their issuer, and of nothing else', () => {
    const trusting = (labels: Readonly<Record<string, string>>) =>
      requestAuthentication('foo', 'jwt', [jwtRule('a', { kind: 'remote', uri: 'https://a/keys' })], labels);
    const told = new Told(one, three, byVersion, trusting({ version: 'v1' }));
    for (const each of [one, three]) told.attach(each.meta.name, sidecar(each));
    const fetched = (id: string, jwks: string) => told.keys(new Map([[id, { id, jwks }]]));
    const compiled = told.compiler.stats().viewsCompiled;
    expect(fetched('https://a/keys', '1')).to.deep.equal({ one: ['ECDS'], three: [] });
    expect(told.compiler.stats().viewsCompiled - compiled, 'no other view is even looked at').to.equal(1);
    expect(fetched('https://a/keys', '1'), 'the same').to.deep.equal({ one: [], three: [] });
    expect(fetched('https://b/keys', '1'), 'its keys went').to.deep.equal({ one: ['ECDS'], three: [] });
  });

  it('tells those whose policies ask an external authorizer when its service comes and goes', () => {
    const mesh = { ...defaultMesh, extensionProviders: [httpAuthorizer('a', 'asker.bar.svc.cluster.local')] };
    const custom = { ...authorizationPolicy('foo', 'c', 'DENY', [{ to: { paths: ['/x'] } }], { version: 'v1' }) };
    const told = new Told(one, three, byVersion, { ...custom, action: 'CUSTOM', provider: 'a' });
    told.compiler.update(told.store.setMesh(mesh), []);
    for (const each of [one, three]) told.attach(each.meta.name, sidecar(each));
    const asker = service('bar', 'asker', [[80, 8080, 'http']], { addresses: ['10.96.0.9'] });
    const others = 'CDS EDS LDS RDS VHDS';
    expect(told.change(apply(asker))).to.deep.equal({ one: ['CDS ECDS EDS LDS RDS VHDS'], three: [others] });
    const { meta } = asker;
    const ref = { kind: 'Service', namespace: meta.namespace, name: meta.name } as const;
    expect(told.change({ type: 'delete', ref })).to.deep.equal({
      one: ['CDS ECDS EDS LDS RDS VHDS'],
      three: [others],
    });
  });

  it('tells each stream of a proxy by itself, and none after its end', () => {
    const told = new Told(one);
    const first = told.attach('first', sidecar(one));
    told.attach('second', sidecar(one));
    expect(told.change(apply(deny))).to.deep.equal({ first: ['ECDS LDS'], second: ['ECDS LDS'] });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(told.change(apply(peerAuthentication('foo', 'default', 'STRICT')))).to.deep.equal({
      first: [],
      second: ['LDS'],
    });
    expect(told.compiler.views().map(({ proxies }) => proxies.length)).to.deep.equal([1]);
  });

  it('tells none whose stream ends while others are told', () => {
    const told = new Told(one, two, three, byVersion);
    const streams: CompiledProxy[] = [];
    let calls = 0;
    for (const each of [one, two, three]) {
      streams.push(
        told.compiler.attach(sidecar(each), () => {
          calls += 1;
          for (const stream of streams) stream[Symbol.dispose]();
        }),
      );
    }
    told.change(apply(deny), apply({ ...one, labels: three.labels }));
    expect(calls).to.equal(1);
    expect(told.compiler.stats().views).to.equal(0);
  });

  it('forgets a view when its last proxy leaves', () => {
    const told = new Told(one, three, byVersion);
    const streams = [told.attach('one', sidecar(one)), told.attach('three', sidecar(three))];
    expect(told.compiler.stats().views).to.equal(2);
    for (const stream of streams) stream[Symbol.dispose]();
    expect(told.compiler.stats().views).to.equal(0);
    expect(told.change(apply(deny))).to.deep.equal({ one: [], three: [] });
  });
});

describe('Compiler, when an object can not be compiled', () => {
  // A bug of ours, or of a source: such objects pass no decoder.
  const impossible = service('foo', 'web', [[-1, 8080, 'tcp']], { addresses: ['10.96.0.9'] });
  const strict = peerAuthentication('foo', 'default', 'STRICT');

  it('compiles the rest of the batch, keeps what that service was, and says so until it is gone', () => {
    const good = service('foo', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.9'] });
    const told = new Told(one, good);
    const compiled = told.attach('one', sidecar(one));
    const clusters = compiled.layers(types.cluster);
    expect(told.change(apply(impossible), apply(strict))).to.deep.equal({ one: ['LDS'] });
    expect(compiled.layers(types.cluster)[0], 'its last good state').to.equal(clusters[0]);
    expect(told.compiler.findings.map(({ severity, code }) => ({ severity, code }))).to.deep.equal([
      { severity: 'error', code: 'not-compiled' },
    ]);
    told.compiler.update(told.store.setMesh({ ...defaultMesh, outboundTrafficPolicy: 'REGISTRY_ONLY' }), []);
    expect([...(compiled.layers(types.cluster)[0]?.resources.keys() ?? [])], 'over a change of everything').to.include(
      'outbound|80||web.foo.svc.cluster.local',
    );
    told.change({ type: 'delete', ref: { kind: 'Service', namespace: 'foo', name: 'web' } });
    expect(told.compiler.findings).to.deep.equal([]);
    expect([...(compiled.layers(types.cluster)[0]?.resources.keys() ?? [])]).to.not.include(
      'outbound|80||web.foo.svc.cluster.local',
    );
  });

  it('forgets nothing of a batch whose policy could not be compiled', () => {
    const told = new Told(one, two);
    const compiled = told.attach('one', sidecar(one));
    const heard = new Set<string>();
    const attempt = (...events: readonly SourceEvent[]): void => {
      try {
        for (const text of told.change(...events)['one'] ?? []) for (const type of text.split(' ')) heard.add(type);
      } catch (thrown) {
        expect(String(thrown)).to.include('no uint32');
      }
    };
    const broken = peerAuthentication('foo', 'web', 'STRICT', { labels: { app: 'web' }, ports: [[-1, 'STRICT']] });
    attempt(apply(broken), apply(service('foo', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.9'] })));
    attempt(apply(deny));
    attempt({ type: 'delete', ref: { kind: 'PeerAuthentication', namespace: 'foo', name: 'web' } });
    const fresh = new Compiler(told.store.snapshot).attach(sidecar(one), () => undefined);
    for (const type of pushOrder) expect(compiled.layers(type), type).to.deep.equal(fresh.layers(type));
    expect([...heard].sort()).to.include.members(['CDS', 'ECDS', 'EDS', 'LDS', 'RDS', 'VHDS']);
    expect(told.change(apply(strict)), 'and then all is as ever').to.deep.equal({ one: ['LDS'] });
  });
});
