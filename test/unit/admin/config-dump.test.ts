import { expect } from 'chai';
import { configDump } from '../../../src/admin/config-dump.ts';
import { clustersOf, extensionsOf, listenersOf, routesOf } from '../../../src/cli/envoy/config-dump.ts';
import type { Layer, Resource } from '../../../src/model/resource.ts';
import { types } from '../../../src/model/type-urls.ts';

const resource = (type: Resource['type'], name: string): Resource => ({
  type,
  name,
  version: `v-${name}`,
  body: new Uint8Array(),
});

describe('our own config dump', () => {
  it('has the shape of Envoy’s, so that the same readers read it', () => {
    const resources = [
      resource(types.cluster, 'b'),
      resource(types.cluster, 'a'),
      resource(types.listener, 'virtualInbound'),
      resource(types.route, '8000'),
      resource(types.extension, 'rbac'),
      resource(types.virtualHost, '8000/httpbin'),
    ];
    const layers = (type: Resource['type']): readonly Layer[] => {
      const named = resources.filter((each) => each.type === type).map((each) => [each.name, each] as const);
      return [{ key: 'all', resources: new Map(named) }];
    };
    const dump = configDump(layers, (each) => ({ name: each.name }));
    expect(clustersOf(dump)).to.deep.equal([
      { '@type': types.cluster, name: 'a' },
      { '@type': types.cluster, name: 'b' },
    ]);
    expect(listenersOf(dump)).to.deep.equal([{ '@type': types.listener, name: 'virtualInbound' }]);
    expect(routesOf(dump)).to.deep.equal([{ '@type': types.route, name: '8000' }]);
    expect(extensionsOf(dump)).to.deep.equal([{ '@type': types.extension, name: 'rbac' }]);
  });
});
