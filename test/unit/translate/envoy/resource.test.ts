import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { Resource } from '../../../../src/model/resource.ts';
import { layer, resource, resourceWith } from '../../../../src/translate/envoy/resource.ts';

const named = (...names: readonly string[]): readonly Resource[] =>
  names.map((name) => resource('virtualHost', name, { name, domains: [name] }));

describe('layer', () => {
  it('is the same whether it is made from nothing or from one before', () => {
    const before = layer('key', named('c', 'a', 'd'));
    for (const names of [['a', 'c', 'd'], ['d', 'b', 'a'], ['e', 'a', 'd', 'c', '0'], []]) {
      const resources = named(...names);
      const [fresh, next] = [layer('key', resources), layer('key', resources, before)];
      expect([...next.resources.keys()]).to.deep.equal([...names].sort());
      expect([...next.resources]).to.deep.equal([...fresh.resources]);
      for (const each of resources) expect(next.resources.get(each.name)).to.equal(each);
    }
  });

  it('has the last of two of one name', () => {
    const [first, second] = [...named('a'), ...named('a')];
    if (first === undefined || second === undefined) throw new Error('two');
    expect(layer('key', [first, second]).resources.get('a')).to.equal(second);
    expect(layer('key', [first, second], layer('key', [first])).resources.get('a')).to.equal(second);
  });
});

describe('resourceWith', () => {
  it('reads as the message that has its parts, however long they are', () => {
    const names = ['a', 'b'.repeat(100), 'c'.repeat(20_000)];
    const whole = resourceWith(
      'route',
      'r',
      { name: 'r', ignorePortInHostMatching: true },
      { field: 2, bodies: named(...names).map(({ body }) => body) },
    );
    const { name, virtualHosts, ignorePortInHostMatching } = decode(
      'envoy.config.route.v3.RouteConfiguration',
      whole.body,
    );
    expect({ name, ignorePortInHostMatching }).to.deep.equal({ name: 'r', ignorePortInHostMatching: true });
    expect(virtualHosts?.map((each) => each.name)).to.deep.equal(names);
  });
});
