import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { types } from '../../../src/model/type-urls.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { compiled } from '../../support/compiled.ts';
import { pod, service, serviceEntry, sidecar, sidecarResource } from '../../support/objects.ts';
import { httpRoute, virtualService } from '../../support/virtual-services.ts';

const client = (namespace: string) => sidecar(pod(namespace, 'client', '10.0.0.9', { labels: { app: 'client' } }));
const web = service('foo', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.1'] });
const other = service('foo', 'other', [[80, 8080, 'http']], { addresses: ['10.96.0.2'] });

describe('what clients are told of services', () => {
  it('follows a host with routes of its own that the registry ends to know, and begins to know again', () => {
    const store = new Store(defaultMesh);
    const host = 'web.foo.svc.cluster.local';
    const routes = virtualService('foo', 'web', [host], { http: [httpRoute('other.foo.svc.cluster.local')] });
    const objects: readonly MeshObject[] = [web, other, routes];
    const compiler = new Compiler(store.commit([{ type: 'reset', objects }]).snapshot);
    using proxy = compiler.attach(client('bar'), () => undefined);
    const bytes = (): string | undefined =>
      proxy.layers(types.virtualHost).flatMap((layer) => layer.resources.get(`80/${host}:80`)?.version ?? [])[0];
    const scratch = (...those: readonly MeshObject[]): string | undefined =>
      compiled(those, client('bar')).resources.find(({ name }) => name === `80/${host}:80`)?.version;
    const seen = [bytes()];
    for (const event of [
      { type: 'delete', ref: { kind: 'Service', namespace: 'foo', name: 'web' } },
      { type: 'apply', object: web },
    ] as const) {
      const { snapshot, changes } = store.commit([event]);
      compiler.update(snapshot, changes);
      seen.push(bytes());
    }
    expect(seen).to.deep.equal([scratch(...objects), scratch(other, routes), scratch(...objects)]);
    expect(seen[1]).to.be.a('string').and.not.equal(seen[0]);
  });

  it('keeps another name of a service to those whom it is exported to', () => {
    const alias = service('bar', 'shop', [], { externalName: 'web.foo.svc.cluster.local', exportTo: ['bar'] });
    const domains = (namespace: string): unknown =>
      compiled([web, alias], client(namespace)).json('virtualHost', '80/web.foo.svc.cluster.local:80');
    expect(domains('bar')).to.have.property('domains').that.includes('shop').and.includes('shop.bar');
    expect(domains('foo')).to.have.property('domains').that.does.not.include('shop.bar');
  });

  it('finds the port of an egress proxy that is exported to its own namespace alone', () => {
    const proxy = serviceEntry('foo', 'proxy', 'proxy.example', [[3128, 3128, 'tcp']], {
      resolution: 'DNS',
      exportTo: ['foo'],
    });
    const through = sidecarResource('foo', 'default', {
      outboundPolicy: { mode: 'ALLOW_ANY', egressProxy: { host: 'proxy.example', subset: '', port: undefined } },
    });
    const listener = compiled([proxy, through], client('foo')).json('listener', 'virtualOutbound');
    expect(JSON.stringify(listener)).to.contain('"outbound|3128||proxy.example"');
  });
});
