import { expect } from 'chai';
import type { HttpRoute, VirtualService } from '../../../../src/model/virtual-service.ts';
import { connectionRoutes } from '../../../../src/translate/policy/connection-routes.ts';
import { routedService } from '../../../../src/translate/policy/mesh-routes.ts';
import {
  type EffectiveRoute,
  effectiveRoutes,
  gatewayRoutes,
  type RouteAsker,
} from '../../../../src/translate/policy/virtual-service.ts';
import {
  type BoundServer,
  gatewayDomains,
  meshHosts,
  virtualServices,
} from '../../../../src/translate/policy/virtual-services.ts';
import { at, httpRoute, to, under, virtualService } from '../../../support/virtual-services.ts';

const sidecar: RouteAsker = { gateways: ['mesh'], namespace: 'foo', labels: { app: 'client' }, port: 80 };
const prepare = (...all: readonly VirtualService[]) => virtualServices(all, 'cluster.local');
const names = (hosts: ReadonlyMap<string, { readonly service: VirtualService }>) =>
  Object.fromEntries([...hosts].map(([host, { service }]) => [host, service.meta.name]));

/** Where each route goes. */
function hostsOf(routes: readonly EffectiveRoute[] | undefined): readonly string[] | undefined {
  return routes?.map(({ action }) =>
    action.kind === 'forward' ? action.destinations.map(({ destination }) => destination.host).join() : action.kind,
  );
}

function asked(routes: readonly HttpRoute[], asker: Partial<RouteAsker> = {}): readonly string[] | undefined {
  const [one] = prepare(virtualService('foo', 'v', ['a.example'], { http: routes }));
  return one === undefined ? undefined : hostsOf(effectiveRoutes(one, { ...sidecar, ...asker }));
}

describe('VirtualServices of sidecars', () => {
  it('are the oldest for a host, of those for the mesh that the namespace may see', () => {
    const all = prepare(
      virtualService('foo', 'young', ['web', 'own.example'], { createdAt: 2 }),
      virtualService('bar', 'old', ['web.foo.svc.cluster.local'], { createdAt: 1 }),
      virtualService('bar', 'hidden', ['own.example'], { exportTo: ['bar'] }),
      virtualService('bar', 'edge', ['own.example'], { gateways: ['bar/edge'] }),
      virtualService('bar', 'delegate', []),
    );
    expect(names(meshHosts(all, 'foo'))).to.deep.equal({ 'web.foo.svc.cluster.local': 'old', 'own.example': 'young' });
    expect(names(meshHosts(all, 'bar'))).to.deep.equal({ 'web.foo.svc.cluster.local': 'old', 'own.example': 'hidden' });
  });

  it('for a host are those of the most specific name', () => {
    const all = prepare(
      ...['*.example', '*.web.example', 'a.web.example'].map((host) => virtualService('foo', host, [host])),
    );
    const found = ['a.web.example', 'b.web.example', 'c.example', 'example'].map(
      (host) => routedService(all, host, 'foo')?.service.meta.name,
    );
    expect(found).to.deep.equal(['a.web.example', '*.web.example', '*.example', undefined]);
  });

  it('are asked by labels, namespace, port and gateway of the client', () => {
    const routes = [
      httpRoute('labels', [at('/1', { sourceLabels: { app: 'client' } })]),
      httpRoute('other-labels', [at('/2', { sourceLabels: { app: 'other' } })]),
      httpRoute('namespace', [at('/3', { sourceNamespace: 'foo' })]),
      httpRoute('port', [at('/4', { port: 81 })]),
      httpRoute('gateway', [at('/5', { gateways: ['foo/edge'] })]),
      httpRoute('mesh', [at('/6', { gateways: ['mesh', 'foo/edge'] })]),
    ];
    const full = (all: readonly string[]) => all.map((host) => `${host}.foo.svc.cluster.local`);
    expect(asked(routes)).to.deep.equal(full(['labels', 'namespace', 'mesh']));
    const others = asked(routes, { labels: {}, namespace: 'bar', port: 81 });
    expect(others).to.deep.equal(full(['port', 'mesh']));
  });

  it('end at a match of all requests, and are none where nothing is said of HTTP', () => {
    expect(asked([httpRoute('a.b', [under('/x'), under('/')]), httpRoute('c.d')])).to.deep.equal(['a.b', 'a.b']);
    expect(asked([httpRoute('a.b'), httpRoute('c.d', [under('/x')])])).to.deep.equal(['a.b']);
    expect(asked([])).to.equal(undefined);
    expect(asked([httpRoute('a.b', [at('/', { port: 1 })])])).to.deep.equal([]);
  });

  it('have a name, defaults, and short names of where the action stands', () => {
    const root = virtualService('foo', 'root', ['a.example'], {
      http: [
        httpRoute('', [at('/x', { name: 'm' })], {
          name: 'r',
          action: { kind: 'delegate', to: { namespace: 'bar', name: 'd' } },
          mirrors: [{ destination: { host: 'shadow', subset: '', port: undefined }, percent: 5 }],
        }),
      ],
    });
    const [one] = prepare(root, virtualService('bar', 'd', [], { http: [httpRoute('web')] }));
    const [route] = (one && effectiveRoutes(one, sidecar)) ?? [];
    expect(route).to.deep.include({
      name: 'r.m',
      action: { kind: 'forward', destinations: [to('web.bar.svc.cluster.local')] },
      timeoutMs: 0,
      mirrors: [{ destination: { host: 'shadow.foo.svc.cluster.local', subset: '', port: undefined }, percent: 5 }],
      virtualService: 'd.bar',
    });
    expect(route?.retries.attempts).to.equal(2);
  });
});

describe('VirtualServices of a gateway', () => {
  const edge = (...hosts: readonly (readonly [string | undefined, string])[]): BoundServer => ({
    gateway: 'gw/edge',
    port: 80,
    hosts: hosts.map(([namespace, host]) => ({ namespace, host })),
  });
  const on = (
    namespace: string,
    name: string,
    hosts: readonly string[],
    createdAt = 0,
    http: readonly HttpRoute[] = [],
  ) => virtualService(namespace, name, hosts, { gateways: ['gw/edge'], createdAt, http });
  const domains = (servers: readonly BoundServer[], ...all: readonly VirtualService[]) =>
    Object.fromEntries(
      [...gatewayDomains(prepare(...all), 'gw', servers)].map(([domain, services]) => [
        domain,
        services.map(({ service }) => service.meta.name),
      ]),
    );

  it('are bound by name, and by the narrower of both hosts', () => {
    const servers = [edge([undefined, '*.example'], [undefined, 'exact.test'])];
    const found = domains(
      servers,
      on('foo', 'narrow', ['a.example']),
      on('foo', 'wide', ['*']),
      on('foo', 'outside', ['a.test']),
      virtualService('foo', 'mesh', ['a.example']),
      { ...on('foo', 'hidden', ['a.example']), exportTo: ['foo'] },
    );
    expect(found).to.deep.equal({ 'a.example': ['narrow'], '*.example': ['wide'], 'exact.test': ['wide'] });
  });

  it('must be of the namespace that a host of the server names', () => {
    const servers = [edge(['foo', 'a.example'], [undefined, 'b.example'])];
    const found = domains(servers, on('foo', 'own', ['a.example']), on('bar', 'thief', ['a.example', 'b.example']));
    expect(found).to.deep.equal({ 'a.example': ['own'], 'b.example': ['thief'] });
  });

  it('hold together for one domain: the oldest first, those for all requests last', () => {
    const found = gatewayDomains(
      prepare(
        on('foo', 'young', ['a.example'], 2, [httpRoute('young.all', [under('/y'), under('/')])]),
        on('bar', 'old', ['a.example'], 1, [httpRoute('old.x', [under('/x')]), httpRoute('old.all')]),
        on('baz', 'last', ['a.example'], 3, [httpRoute('last.z', [at('/z', { gateways: ['mesh'] }), at('/w')])]),
      ),
      'gw',
      [edge([undefined, '*'])],
    );
    const routes = gatewayRoutes(found.get('a.example') ?? [], { namespace: 'gw', labels: {} });
    expect(routes.map(({ match, virtualService: from }) => [match.uri, from])).to.deep.equal([
      [{ kind: 'prefix', value: '/x' }, 'old.bar'],
      [{ kind: 'prefix', value: '/y' }, 'young.foo'],
      [{ kind: 'exact', value: '/w' }, 'last.baz'],
      [undefined, 'old.bar'],
    ]);
  });
});

describe('connection routes', () => {
  const block = (address: string, prefixLength: number) => ({ address, prefixLength });
  const open = { ...at('/'), sniHosts: [], destinationSubnets: [], sourceSubnets: [] };

  it('are one for each combination, the first of those alike', () => {
    const [a, b] = [block('10.0.0.0', 8), block('11.0.0.0', 8)];
    const all = prepare(
      virtualService('foo', 'v', ['*.example'], {
        tls: [
          { matches: [{ ...open, sniHosts: ['x.example', '*.example'] }], destinations: [to('one')] },
          { matches: [{ ...open, sniHosts: ['x.example'] }], destinations: [to('two')] },
          { matches: [{ ...open, sniHosts: ['y.other'] }], destinations: [to('three')] },
        ],
        tcp: [
          {
            matches: [
              { ...open, destinationSubnets: [a, b] },
              { ...open, port: 81 },
            ],
            destinations: [to('four')],
          },
          { matches: [{ ...open, destinationSubnets: [b] }], destinations: [to('five')] },
          { matches: [], destinations: [to('six')] },
        ],
      }),
    );
    const tls = connectionRoutes('tls', all, sidecar, () => ['x.example', '*.example']);
    expect(tls.map(({ sniHost, destinations }) => [sniHost, destinations[0]?.destination.host])).to.deep.equal([
      ['x.example', 'one.foo.svc.cluster.local'],
      ['*.example', 'one.foo.svc.cluster.local'],
    ]);
    const tcp = connectionRoutes('tcp', all, sidecar);
    expect(
      tcp.map(({ destinationSubnet, destinations }) => [destinationSubnet, destinations[0]?.destination.host]),
    ).to.deep.equal([
      [a, 'four.foo.svc.cluster.local'],
      [b, 'four.foo.svc.cluster.local'],
      [undefined, 'six.foo.svc.cluster.local'],
    ]);
  });
});
