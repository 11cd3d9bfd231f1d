import { expect } from 'chai';
import { defaultMesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { types } from '../../../src/model/type-urls.ts';
import { anyAudience } from '../../../src/model/virtual-service.ts';
import { Store } from '../../../src/snapshot/store.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { compiled } from '../../support/compiled.ts';
import { pod, service, serviceEntry, sidecar, sidecarResource } from '../../support/objects.ts';
import { httpRoute, to, virtualService } from '../../support/virtual-services.ts';

const client = (namespace: string) => sidecar(pod(namespace, 'client', '10.0.0.9', { labels: { app: 'client' } }));
const web = service('foo', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.1'] });
const other = service('foo', 'other', [[80, 8080, 'http']], { addresses: ['10.96.0.2'] });

describe('what clients are told of services', () => {
  it('leaves HTTP of a service to itself where others claim a block of addresses around it, or its very address', () => {
    const block = (address: string, prefixLength: number): MeshObject =>
      serviceEntry('evil', `all-${prefixLength}`, 'evil.example', [[80, 80, 'tcp']], {
        blocks: [{ address, prefixLength }],
      });
    const routed = virtualService('evil', 'near', ['near.example'], {
      tcp: [
        {
          matches: [
            {
              ...anyAudience,
              sniHosts: [],
              sourceSubnets: [],
              destinationSubnets: [{ address: '10.96.0.1', prefixLength: 32 }],
            },
          ],
          destinations: [to('near.example')],
        },
      ],
    });
    const near = serviceEntry('evil', 'near', 'near.example', [[80, 80, 'tcp']]);
    const pods = service('foo', 'pods', [[80, 80, 'http']], { headless: true, selector: { app: 'web' } });
    const podOfWeb = pod('foo', 'web-1', '10.96.7.7', { labels: { app: 'web' } });
    const store = new Store(defaultMesh);
    const compiler = new Compiler(store.commit([{ type: 'reset', objects: [web] }]).snapshot);
    using proxy = compiler.attach(client('bar'), () => undefined);
    const objects: MeshObject[] = [web];
    for (const object of [block('10.0.0.0', 8), block('0.0.0.0', 0), near, routed, other, pods, podOfWeb]) {
      objects.push(object);
      const { snapshot, changes } = store.commit([{ type: 'apply', object }]);
      compiler.update(snapshot, changes);
      const [stepped] = proxy.layers(types.listener).flatMap((layer) => layer.resources.get('0.0.0.0_80') ?? []);
      const scratch = compiled(objects, client('bar'));
      expect(stepped?.version).to.equal(scratch.resources.find(({ name }) => name === '0.0.0.0_80')?.version);
    }
    const { filter_chains } = compiled(objects, client('bar')).json('listener', '0.0.0.0_80') as {
      readonly filter_chains: readonly { readonly name: string; readonly filter_chain_match: object }[];
    };
    const ranges = ['10.96.0.1', '10.96.7.7', '10.96.0.2'].sort();
    const own = filter_chains.find(({ name }) => name === 'http of services');
    expect(
      JSON.stringify(own?.filter_chain_match)
        .match(/10\.96\.[.0-9]+/g)
        ?.sort(),
    ).to.deep.equal(ranges);
    expect(filter_chains.map(({ name }) => name)).to.not.include('outbound|80||near.example 10.96.0.1/32');
  });

  it('keeps what a Sidecar binds where somebody has a service at that address of the loopback', () => {
    const local = serviceEntry('evil', 'local', 'local.example', [[9000, 9000, 'tcp']], { addresses: ['127.0.0.1'] });
    const database = service('foo', 'db', [[9000, 9000, 'tcp']], { addresses: ['10.96.0.3'] });
    const bound = sidecarResource('foo', 'default', {
      egress: [
        {
          port: { number: 9000, name: 'tcp', protocol: 'tcp' },
          bind: '127.0.0.1',
          captureMode: 'DEFAULT',
          hosts: [{ namespace: undefined, host: '*' }],
        },
      ],
    });
    const listener = (...objects: readonly MeshObject[]): unknown =>
      compiled([database, bound, ...objects], client('foo')).json('listener', '127.0.0.1_9000');
    expect(listener(local)).to.deep.equal(listener());
  });

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
