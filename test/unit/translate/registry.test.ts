import { expect } from 'chai';
import type { Service } from '../../../src/model/service.ts';
import { Registry } from '../../../src/translate/registry.ts';
import { meta, service, serviceEntry, snapshotOf } from '../../support/objects.ts';

const claim = (namespace: string, name: string, createdAt: number, ...addresses: readonly string[]): Service =>
  service(namespace, name, [], { addresses, meta: meta(namespace, name, { createdAt }) });
const alias = (namespace: string, name: string, externalName: string): Service =>
  service(namespace, name, [], { externalName });

describe('Registry', () => {
  const claiming = (registry: Registry, name: string) => registry.claiming(name).map(({ key }) => key);

  it('gives an address to the oldest service that claims it first', () => {
    const registry = new Registry(
      snapshotOf([claim('foo', 'young', 2, '10.96.0.1', '10.96.0.2'), claim('foo', 'old', 1, '10.96.0.1')]),
    );
    expect(claiming(registry, '10.96.0.1')).to.deep.equal(['foo/old', 'foo/young']);
    expect(claiming(registry, '10.96.0.2')).to.deep.equal(['foo/young']);
  });

  it('breaks a tie by name, then by namespace, whatever order they came in', () => {
    const services = [
      claim('foo', 'a', 1, '10.96.0.1'),
      claim('bar', 'b', 1, '10.96.0.1'),
      claim('bar', 'a', 1, '10.96.0.1'),
    ];
    const expected = ['bar/a', 'foo/a', 'bar/b'];
    expect(claiming(new Registry(snapshotOf(services)), '10.96.0.1')).to.deep.equal(expected);
    expect(claiming(new Registry(snapshotOf([...services].reverse())), '10.96.0.1')).to.deep.equal(expected);
  });

  it('puts Kubernetes before a ServiceEntry of the same host, however old', () => {
    const host = 'web.foo.svc.cluster.local';
    const entry = { ...serviceEntry('foo', 'e', host, []), meta: meta('foo', 'e', { createdAt: 0 }) };
    expect(claiming(new Registry(snapshotOf([entry, claim('foo', 'web', 5)])), host)).to.deep.equal([
      'foo/web',
      `foo/e/${host}`,
    ]);
  });

  it('tells who else is touched by a change: whoever claims the same, before or after', () => {
    const [one, two] = [claim('foo', 'one', 1, '10.96.0.1'), claim('foo', 'two', 2, '10.96.0.1')];
    const registry = new Registry(snapshotOf([one, two]));
    const without = snapshotOf([two]);
    expect([...registry.update(without, new Set(['foo/one']))]).to.deep.equal(['foo/one', 'foo/two']);
    expect(claiming(registry, '10.96.0.1')).to.deep.equal(['foo/two']);
    expect([...registry.update(snapshotOf([two, one]), new Set(['foo/one']))]).to.deep.equal(['foo/one', 'foo/two']);
  });

  it('knows ExternalName services as other names, and touches what they stand for', () => {
    const web = claim('foo', 'web', 0);
    const host = 'web.foo.svc.cluster.local';
    const registry = new Registry(snapshotOf([web, alias('bar', 'shop', host)]));
    expect(registry.get('bar/shop')).to.equal(undefined);
    expect(registry.aliasesOf(host).map(({ meta }) => meta.name)).to.deep.equal(['shop']);
    const elsewhere = snapshotOf([web, alias('bar', 'shop', 'other.example')]);
    expect([...registry.update(elsewhere, new Set(['bar/shop']))]).to.deep.equal(['bar/shop', 'foo/web']);
    expect(registry.aliasesOf(host)).to.deep.equal([]);
  });
});
