import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import { types } from '../../../src/model/type-urls.ts';
import { NameSets } from '../../../src/xds/name-set.ts';
import { Payloads } from '../../../src/xds/payload.ts';
import { bytesOf, layer, said } from '../../support/xds-resources.ts';

const cds = (versions: Readonly<Record<string, string>>, key = 'shared') => layer(types.cluster, key, versions);
const many = (count: number, version: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`cluster-${i}`, version]));

describe('payloads', () => {
  const sets = new NameSets();
  const everything = { wildcard: true, names: sets.empty };
  const some = (...names: string[]) => ({ wildcard: false, names: sets.of(names) });
  const payloads = (more = {}) => new Payloads({ identifier: 'here', noncePrefix: 'n', ...more });
  const base = { type: types.cluster, mode: 'delta' as const };

  it('are what protobufjs reads, delta', () => {
    const from = [cds({ a: '1', gone: '1' })];
    const payload = payloads().transition({ ...base, from, to: [cds({ a: '2', b: '1' })], subscription: everything });
    const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytesOf(payload));
    expect(response.typeUrl).to.equal(types.cluster);
    expect(response.nonce).to.equal('n1');
    expect(response.systemVersionInfo).to.equal(payload.version);
    expect(response.controlPlane?.identifier).to.equal('here');
    expect(response.removedResources).to.deep.equal(['gone']);
    expect(
      response.resources?.map(({ name, version, resource }) => [
        name,
        version,
        resource?.type_url,
        String(resource?.value),
      ]),
    ).to.deep.equal([
      ['a', '2', types.cluster, 'a=2'],
      ['b', '1', types.cluster, 'b=1'],
    ]);
  });

  it('are what protobufjs reads, state of the world', () => {
    const payload = payloads().full({ type: types.cluster, layers: [cds({ a: '1' })], subscription: everything });
    const response = decode('envoy.service.discovery.v3.DiscoveryResponse', bytesOf(payload));
    expect([response.typeUrl, response.nonce, response.versionInfo]).to.deep.equal([
      types.cluster,
      'n1',
      payload.version,
    ]);
    expect(response.resources?.map((each) => [each.type_url, String(each.value)])).to.deep.equal([
      [types.cluster, 'a=1'],
    ]);
    expect(response.controlPlane?.identifier).to.equal('here');
  });

  it('are one for all views when a shared layer changes', () => {
    const table = payloads();
    const [before, after] = [cds({ a: '1' }), cds({ a: '2' })];
    const views = ['x', 'y', 'z'].map((view) => cds({ [view]: '1' }, view));
    const made = views.map((own) =>
      table.transition({ ...base, from: [before, own], to: [after, own], subscription: everything }),
    );
    expect(new Set(made).size).to.equal(1);
    expect(new Set(made.map((each) => each.message())).size).to.equal(1);
    expect(table.counters.encoded).to.equal(1);
  });

  it('are one for subscriptions that cover the same of a change', () => {
    const table = payloads();
    const arg = { ...base, type: types.endpoint, from: [cds({ a: '1', b: '1' })], to: [cds({ a: '2', b: '2' })] };
    const both = table.transition({ ...arg, subscription: some('a', 'b', 'c') });
    expect(table.transition({ ...arg, subscription: some('a', 'b', 'd') })).to.equal(both);
    const one = table.transition({ ...arg, subscription: some('a', 'x') });
    expect(said(one)).to.deep.equal({ resources: { a: '2' }, removed: [] });
    expect(table.transition({ ...arg, subscription: some('a', 'y') })).to.equal(one);
    expect(said(table.transition({ ...arg, subscription: some('z') }))).to.deep.equal({ resources: {}, removed: [] });
  });

  it('share the part of a layer that all newcomers get', () => {
    const table = payloads();
    const shared = cds(many(5000, '1'));
    const made = ['x', 'y'].map((view) => {
      const to = [shared, cds({ [view]: '1' }, view)];
      return table.transition({ ...base, from: [], to, subscription: everything });
    });
    for (const [i, payload] of made.entries()) {
      const response = decode('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytesOf(payload));
      expect(response.resources?.length).to.equal(5001);
      expect(response.resources?.at(-1)?.name).to.equal(['x', 'y'][i]);
    }
    const parts = made.map((payload) => payload.message().parts);
    expect(parts[0]?.[1]).to.equal(parts[1]?.[1]);
    expect(table.counters.encoded).to.equal(2);
  });

  it('tell a moved resource from a removed one', () => {
    const from = [cds({ in: '1', same: '1', old: '1' }, 'view/a')];
    const to = [cds({ in: '2', same: '1' }, 'view/b')];
    expect(said(payloads().transition({ ...base, from, to, subscription: everything }))).to.deep.equal({
      resources: { in: '2' },
      removed: ['old'],
    });
  });

  it('never say that an extension was removed', () => {
    const from = [layer(types.extension, 'x', { a: '1' })];
    const to = [layer(types.extension, 'x', {})];
    const payload = payloads().transition({ ...base, type: types.extension, from, to, subscription: everything });
    expect(said(payload)).to.deep.equal({ resources: {}, removed: [] });
  });

  it('are forgotten when there are too many', () => {
    const table = payloads({ maxEntries: 2 });
    const layers = ['1', '2', '3'].map((version) => [cds({ a: version })]);
    const ask = (i: number) =>
      table.subset({ ...base, layers: layers[i] ?? [], names: sets.of(['a']), removed: sets.empty });
    const [first, second] = [ask(0), ask(1)];
    first.message();
    expect(ask(0)).to.equal(first);
    ask(2);
    expect(ask(0)).to.equal(first);
    expect(ask(1)).to.not.equal(second);
  });

  it('keep no more bytes than they may', () => {
    const table = payloads({ maxBytes: 1000 });
    const big = [cds(many(30, '1'))];
    const small = [cds({ a: '1' })];
    const first = table.transition({ ...base, from: [], to: big, subscription: everything });
    expect(first.message().byteLength).to.be.above(1000);
    const second = table.transition({ ...base, from: [], to: small, subscription: everything });
    second.message();
    expect(table.transition({ ...base, from: [], to: big, subscription: everything })).to.not.equal(first);
    expect(table.transition({ ...base, from: [], to: small, subscription: everything })).to.equal(second);
  });

  it('have versions that don’t depend on order or replica', () => {
    const version = (versions: Readonly<Record<string, string>>) =>
      payloads().full({ type: types.cluster, layers: [cds(versions)], subscription: everything }).version;
    expect(version({ a: '1', b: '2' })).to.equal(version({ b: '2', a: '1' }));
    expect(version({ a: '1', b: '2' })).to.not.equal(version({ a: '2', b: '1' }));
  });
});
