import { expect } from 'chai';
import type { WeightedDestination } from '../../../src/model/http-route.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { VirtualService } from '../../../src/model/virtual-service.ts';
import type { ServerRef } from '../../../src/translate/policy/gateway.ts';
import { snapshotIn } from '../../support/compiled.ts';
import { edgeRoutesOf } from '../../support/edge-routes.ts';
import { objectsOf } from '../../support/gateway-documents.ts';
import { destinationRule, noPolicy, service } from '../../support/objects.ts';
import { at, httpRoute, to, virtualService } from '../../support/virtual-services.ts';

const router = { namespace: 'edge', labels: { istio: 'ingressgateway' }, namedPorts: {}, pinnedBy: [] };

/** A server of Gateway `edge/edge`; hosts as a Gateway writes them. */
function server(hosts: readonly string[], more: Partial<ServerRef> = {}): ServerRef {
  const read = (host: string) => {
    const [first = '', second] = host.split('/');
    return second === undefined ? { namespace: undefined, host } : { namespace: first, host: second };
  };
  return { gateway: 'edge/edge', port: 80, hosts: hosts.map(read), httpsRedirect: false, ...more };
}

const on = (name: string, hosts: readonly string[], more: Partial<VirtualService> = {}, namespace = 'foo') =>
  virtualService(namespace, name, hosts, {
    gateways: ['edge/edge'],
    http: [httpRoute('web.foo.svc.cluster.local')],
    ...more,
  });

const edge = (...objects: readonly MeshObject[]) => {
  return edgeRoutesOf(snapshotIn({}, objects), router);
};

/** `host[ redirect]: cluster, cluster …`, one for each virtual host. */
function hosts(servers: readonly ServerRef[], ...objects: readonly MeshObject[]): readonly string[] {
  return edge(...objects)
    .hosts({ name: 'http.80', servers })
    .map(({ host, routes, httpsRedirect }) => {
      const clusters = routes.map(
        ({ route }) =>
          route?.cluster ??
          route?.weightedClusters?.clusters?.map(({ name, weight }) => `${name}*${weight?.value}`).join('+') ??
          'none',
      );
      return `${host}${httpsRedirect ? ' redirect' : ''}: ${clusters.join(', ')}`;
    });
}

describe('routes at the edge', () => {
  const web = service('foo', 'web', [[8080, 80, 'http']]);

  it('are virtual hosts for what VirtualServices and servers have in common', () => {
    const found = hosts(
      [server(['*.example', 'bar/own.test'])],
      web,
      on('narrow', ['a.example']),
      on('wide', ['*'], {}, 'bar'),
      on('elsewhere', ['a.test']),
      on('others', ['b.example'], { gateways: ['edge/other'] }),
      on('mesh', ['c.example'], { gateways: ['mesh'] }),
    );
    expect(found).to.deep.equal([
      'a.example: outbound|8080||web.foo.svc.cluster.local',
      '*.example: outbound|8080||web.foo.svc.cluster.local',
      'own.test: outbound|8080||web.foo.svc.cluster.local',
    ]);
  });

  it('join what several VirtualServices and Gateways say for one host, the oldest first', () => {
    const servers = [server(['a.example']), server(['*.example'], { gateway: 'edge/second', port: 8080 })];
    const found = hosts(
      servers,
      on('young', ['a.example'], { http: [httpRoute('young.test', [at('/y')])], gateways: ['edge/second'] }),
      on('all', ['a.example'], { http: [httpRoute('all.test')] }),
      on('ports', ['b.example'], {
        http: [httpRoute('no.test', [at('/x', { port: 80 })]), httpRoute('yes.test', [at('/x', { port: 8080 })])],
        gateways: ['edge/second'],
      }),
    );
    expect(found).to.deep.equal([
      'a.example: outbound|80||young.test, outbound|80||all.test',
      'b.example: outbound|80||yes.test',
    ]);
  });

  it('go to the port that is named, the only one, or the one that was asked for', () => {
    const entry = objectsOf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: out, namespace: foo }
spec:
  hosts: [out.test]
  exportTo: [".", edge]
  ports: [{ number: 443, name: tls, protocol: TLS }]
  resolution: DNS`);
    const two = service('foo', 'two', [
      [80, 80, 'http'],
      [81, 81, 'http'],
    ]);
    const destinations = ['two', 'out.test', 'unknown', 'web'].map((host) => to(host));
    const named = { ...to('two'), destination: { host: 'two', subset: 'v1', port: 81 } };
    const route = httpRoute('', [], { action: { kind: 'forward', destinations: [named, ...destinations] } });
    const found = hosts([server(['*'])], web, two, ...entry, on('v', ['a.example'], { http: [route] }));
    expect(found).to.deep.equal([
      'a.example: outbound|81|v1|two.foo.svc.cluster.local*1+outbound|80||two.foo.svc.cluster.local*1+' +
        'outbound|443||out.test*1+outbound|80||unknown.foo.svc.cluster.local*1+outbound|8080||web.foo.svc.cluster.local*1',
    ]);
  });

  it('are not those of VirtualServices that the router may not see, nor go to ports of hidden services', () => {
    const hidden = service('foo', 'web', [[8080, 80, 'http']], { exportTo: ['foo'] });
    const found = hosts(
      [server(['*'])],
      hidden,
      on('v', ['a.example']),
      on('own', ['b.example'], { exportTo: ['foo'] }),
    );
    expect(found).to.deep.equal(['a.example: outbound|80||web.foo.svc.cluster.local']);
  });

  it('redirect to https where one of the servers of a host does', () => {
    const servers = [server(['a.example'], { httpsRedirect: true, gateway: 'edge/redirect' }), server(['*.example'])];
    expect(hosts(servers, web, on('v', ['a.example', 'b.example']))).to.deep.equal([
      'a.example redirect: outbound|8080||web.foo.svc.cluster.local',
      'b.example: outbound|8080||web.foo.svc.cluster.local',
    ]);
    const wide = [server(['*.example'], { httpsRedirect: true }), server(['b.example'], { gateway: 'edge/plain' })];
    expect(
      hosts(wide, web, on('v', ['a.example']), on('w', ['b.example'], { gateways: ['edge/plain'] })),
    ).to.deep.equal([
      'a.example redirect: outbound|8080||web.foo.svc.cluster.local',
      'b.example: outbound|8080||web.foo.svc.cluster.local',
    ]);
  });

  it('of TLS go by the server names that VirtualService and server have in common', () => {
    const open = { ...at('/'), sniHosts: ['*.example'], destinationSubnets: [], sourceSubnets: [] };
    const source = { address: '10.0.0.0', prefixLength: 8 };
    const tls = on('v', ['*.example'], {
      http: [],
      tls: [
        { matches: [{ ...open, sniHosts: ['x.example'], sourceSubnets: [source] }], destinations: [to('near.test')] },
        {
          matches: [{ ...open, sniHosts: ['x.example', 'foreign.example'] }],
          destinations: [to('one.test', 3), to('two.test', 1)],
        },
        { matches: [{ ...open, port: 444 }], destinations: [to('port.test')] },
        { matches: [{ ...open, destinationSubnets: [source] }], destinations: [to('subnet.test')] },
      ],
      tcp: [{ matches: [], destinations: [to('tcp.test')] }],
    });
    const streams = edge(web, tls).streams(server(['x.example', 'bar/*.example'], { port: 443 }), 'passthrough');
    expect(streams).to.deep.equal([
      {
        serverNames: ['x.example'],
        sourceSubnet: source,
        clusters: [{ name: 'outbound|443||near.test', weight: 1 }],
        tunnel: undefined,
      },
      {
        serverNames: ['x.example'],
        sourceSubnet: undefined,
        clusters: [
          { name: 'outbound|443||one.test', weight: 3 },
          { name: 'outbound|443||two.test', weight: 1 },
        ],
        tunnel: undefined,
      },
    ]);
  });

  it('of bytes are the TCP routes of VirtualServices for one of the hosts', () => {
    const tcp = (name: string, host: string, to_: string) =>
      on(name, [host], { http: [], tcp: [{ matches: [], destinations: [to(to_)] }], tls: [] });
    const all = edge(
      tcp('a', 'other.test', 'other.test'),
      tcp('b', 'db.example', 'first.test'),
      tcp('c', 'db.example', 'second.test'),
    );
    expect(all.streams(server(['db.example'], { port: 3306 }), 'tcp')).to.deep.equal([
      {
        serverNames: [],
        sourceSubnet: undefined,
        clusters: [{ name: 'outbound|3306||first.test', weight: 1 }],
        tunnel: undefined,
      },
    ]);
    expect(all.streams(server(['none.example']), 'tcp')).to.deep.equal([]);
  });

  it('of bytes go through the tunnel of where they lead, and nowhere between two', () => {
    const tunnel = { target: 'end.test:443' };
    const proxy = service('foo', 'proxy', [[3128, 3128, 'tcp']]);
    const other = service('foo', 'other', [[3128, 3128, 'tcp']]);
    const rule = destinationRule('foo', 'proxy', 'proxy', { ...noPolicy, tunnel });
    const led = (...destinations: readonly WeightedDestination[]) => {
      const tcp = on('v', ['db.example'], { http: [], tcp: [{ matches: [], destinations }] });
      const [route] = edge(proxy, other, rule, tcp).streams(server(['db.example'], { port: 3306 }), 'tcp');
      return route && { clusters: route.clusters.map(({ name }) => name), tunnel: route.tunnel };
    };
    const [through, straight] = [to('proxy.foo.svc.cluster.local'), to('other.foo.svc.cluster.local')];
    expect(led(through)).to.deep.equal({ clusters: ['outbound|3128||proxy.foo.svc.cluster.local'], tunnel });
    expect(led(through, straight)).to.deep.equal({ clusters: ['BlackHoleCluster'], tunnel: undefined });
  });
});
