import { expect } from 'chai';
import { trustDomain } from '../../../src/model/ids.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { compiled } from '../../support/compiled.ts';
import { meta, peerAuthentication, pod, service, sidecar } from '../../support/objects.ts';

const client = pod('foo', 'client', '10.0.0.1');
const host = 'web.foo.svc.cluster.local';
const web = (protocol: 'http' | 'http2' | 'grpc' | 'tcp' | 'tls' | 'auto') =>
  service('foo', 'web', [[80, 8080, protocol]], { addresses: ['10.96.0.1'] });
const vhds = sidecar(client);
const inline = sidecar(client, { routes: 'inline' });

/** The virtual hosts of a route table: `name: domains -> where`. */
function hosts(json: unknown): readonly string[] {
  const { virtual_hosts } = json as {
    readonly virtual_hosts: readonly {
      readonly name: string;
      readonly domains: readonly string[];
      readonly routes: readonly {
        readonly route?: { readonly cluster: string };
        readonly direct_response?: { readonly status: number };
      }[];
    }[];
  };
  return virtual_hosts.map(
    ({ name, domains, routes: [first] }) =>
      `${name}: ${domains.join()} -> ${first?.route?.cluster ?? first?.direct_response?.status}`,
  );
}

/** Where the listener's last chain sends bytes. */
function tcpCluster(json: unknown): unknown {
  const { filter_chains } = json as {
    readonly filter_chains: readonly {
      readonly filters: readonly { readonly typed_config: { readonly cluster?: string } }[];
    }[];
  };
  return filter_chains.at(-1)?.filters.at(-1)?.typed_config.cluster;
}

describe('outbound: traffic to nobody we know', () => {
  it('passes as it is under ALLOW_ANY', () => {
    const { json } = compiled([client, web('http')], vhds);
    expect(tcpCluster(json('listener', 'virtualOutbound'))).to.equal('PassthroughCluster');
    expect(hosts(json('route', '80'))).to.deep.equal(['allow_any: * -> PassthroughCluster']);
  });

  it('ends under REGISTRY_ONLY: TCP in the black hole, HTTP with 502', () => {
    for (const proxy of [vhds, inline]) {
      const { json } = compiled([client, web('http')], proxy, { outboundTrafficPolicy: 'REGISTRY_ONLY' });
      expect(tcpCluster(json('listener', 'virtualOutbound'))).to.equal('BlackHoleCluster');
      expect(hosts(json('route', '80'))).to.include('block_all: * -> 502');
      expect(JSON.stringify(json('route', '80'))).to.not.include('PassthroughCluster');
    }
  });

  it('ends at the own port of the outbound listener, so that nothing runs in circles', () => {
    const { filter_chains } = compiled([client], vhds).json('listener', 'virtualOutbound') as {
      readonly filter_chains: readonly unknown[];
    };
    expect(filter_chains[0]).to.deep.include({ filter_chain_match: { destination_port: 15001 } });
    expect(JSON.stringify(filter_chains[0])).to.include('BlackHoleCluster');
  });
});

describe('outbound: HTTP services', () => {
  const objects: readonly MeshObject[] = [
    client,
    web('http'),
    service('bar', 'web', [[80, 8080, 'http']], { addresses: ['10.96.0.2'] }),
    service('bar', 'api', [[8000, 8080, 'grpc']]),
  ];

  it('share a listener per port', () => {
    expect(compiled(objects, vhds).names('listener')).to.deep.equal([
      '0.0.0.0_80',
      '0.0.0.0_8000',
      'virtualInbound',
      'virtualOutbound',
    ]);
  });

  it('are found by every name that the client may use', () => {
    const { json } = compiled(objects, inline);
    expect(hosts(json('route', '80'))).to.deep.equal([
      '80/web.bar.svc.cluster.local:80: web.bar.svc.cluster.local,web.bar,web.bar.svc,10.96.0.2 -> outbound|80||web.bar.svc.cluster.local',
      `80/${host}:80: ${host},web,web.foo,web.foo.svc,10.96.0.1 -> outbound|80||${host}`,
      'allow_any: * -> PassthroughCluster',
    ]);
  });

  it('are the same hosts one by one as in a whole table', () => {
    const whole = compiled(objects, inline).json('route', '80') as { readonly virtual_hosts: readonly unknown[] };
    const single = compiled(objects, vhds);
    const names = single.names('virtualHost').filter((name) => name.startsWith('80/'));
    expect(names.map((name) => single.json('virtualHost', name))).to.deep.equal(whole.virtual_hosts.slice(0, -1));
    expect(single.names('virtualHost')).to.include('8000/api.bar.svc.cluster.local:8000');
  });
});

describe('outbound: other services', () => {
  it('have a listener of their own at each address', () => {
    const tcp = service(
      'foo',
      'db',
      [
        [5432, 5432, 'tcp'],
        [443, 8443, 'tls'],
        [7000, 7000, 'auto'],
      ],
      { addresses: ['10.96.0.3', '10.96.0.4'] },
    );
    const { names, json } = compiled([client, tcp], vhds);
    expect(names('listener')).to.deep.equal([
      '10.96.0.3_443',
      '10.96.0.3_5432',
      '10.96.0.3_7000',
      '10.96.0.4_443',
      '10.96.0.4_5432',
      '10.96.0.4_7000',
      'virtualInbound',
      'virtualOutbound',
    ]);
    expect(tcpCluster(json('listener', '10.96.0.4_5432'))).to.equal('outbound|5432||db.foo.svc.cluster.local');
    expect(hosts(json('route', 'db.foo.svc.cluster.local:7000'))).to.deep.equal([
      '7000/db.foo.svc.cluster.local:7000: * -> outbound|7000||db.foo.svc.cluster.local',
    ]);
  });

  it('get no listener at an address that an older service has', () => {
    const old = service('foo', 'old', [[9000, 9000, 'tcp']], { addresses: ['10.96.0.3'] });
    const young = service('bar', 'young', [[9000, 9000, 'tcp']], {
      addresses: ['10.96.0.3'],
      meta: meta('bar', 'young', { createdAt: 9 }),
    });
    const { json, names } = compiled([client, young, old], vhds);
    expect(tcpCluster(json('listener', '10.96.0.3_9000'))).to.equal('outbound|9000||old.foo.svc.cluster.local');
    expect(names('cluster')).to.include('outbound|9000||young.bar.svc.cluster.local');
  });

  it('get no listener at a port of the sidecar itself', () => {
    const own = service(
      'foo',
      'own',
      [
        [15001, 1, 'tcp'],
        [15006, 2, 'tcp'],
        [15090, 3, 'http'],
      ],
      { addresses: ['10.96.0.3'] },
    );
    expect(compiled([client, own], vhds).names('listener')).to.deep.equal(['virtualInbound', 'virtualOutbound']);
  });
});

describe('outbound: clusters', () => {
  const server = pod('foo', 'web-1', '10.0.0.2', { serviceAccount: 'web' });
  const cluster = (protocol: Parameters<typeof web>[0], objects: readonly MeshObject[] = [server], mesh = {}) =>
    compiled([client, web(protocol), ...objects], vhds, mesh).json('cluster', `outbound|80||${host}`) as {
      readonly transport_socket_matches?: readonly {
        readonly match: unknown;
        readonly transport_socket: {
          readonly typed_config: {
            readonly sni: string;
            readonly common_tls_context: {
              readonly alpn_protocols: readonly string[];
              readonly combined_validation_context: {
                readonly default_validation_context: { readonly match_typed_subject_alt_names: readonly unknown[] };
              };
            };
          };
        };
      }[];
    };
  const tls = (...args: Parameters<typeof cluster>) =>
    cluster(...args).transport_socket_matches?.[0]?.transport_socket.typed_config;
  const sans = (...args: Parameters<typeof cluster>) =>
    tls(...args)?.common_tls_context.combined_validation_context.default_validation_context
      .match_typed_subject_alt_names;

  for (const [protocol, alpn] of [
    ['http', ['istio-http/1.1']],
    ['http2', ['istio-h2', 'h2']],
    ['grpc', ['istio-h2', 'h2']],
    ['tcp', ['istio']],
    ['tls', ['istio']],
    ['auto', ['istio']],
  ] as const) {
    it(`say by ALPN what is inside: ${protocol}`, () => {
      expect(tls(protocol)?.common_tls_context.alpn_protocols).to.deep.equal(alpn);
    });
  }

  it('choose mTLS by the metadata of the endpoint, and by nothing else', () => {
    expect(cluster('http').transport_socket_matches?.map(({ match }) => match)).to.deep.equal([{ tlsMode: 'istio' }]);
    expect(tls('http')?.sni, 'never the host itself').to.equal(`outbound_.80_._.${host}`);
  });

  it('trust the identities behind the service, each exactly', () => {
    expect(sans('http')).to.deep.equal([
      { san_type: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/foo/sa/web' } },
    ]);
    const renamed = { trustDomain: trustDomain('td.example'), trustDomainAliases: [trustDomain('old.example')] };
    expect(sans('http', [server], renamed)).to.deep.equal([
      { san_type: 'URI', matcher: { exact: 'spiffe://old.example/ns/foo/sa/web' } },
      { san_type: 'URI', matcher: { exact: 'spiffe://td.example/ns/foo/sa/web' } },
    ]);
  });

  it('trust any workload of our trust domain, and no other, while nothing is known to run there', () => {
    expect(sans('http', [])).to.deep.equal([{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }]);
  });

  it('speak no TLS under a namespace DISABLE, or without auto mTLS', () => {
    expect(
      cluster('http', [server, peerAuthentication('foo', 'default', 'DISABLE')]).transport_socket_matches,
    ).to.equal(undefined);
    const off = compiled([client, server, web('http')], vhds, { enableAutoMtls: false });
    expect(JSON.stringify(off.json('cluster', `outbound|80||${host}`))).to.not.include('tls');
    expect(JSON.stringify(off.json('endpoint', `outbound|80||${host}`))).to.not.include('istio');
  });

  it('still speak TLS to a service of another namespace than the one that has it off', () => {
    expect(
      cluster('http', [server, peerAuthentication('bar', 'default', 'DISABLE')]).transport_socket_matches,
    ).to.have.length(1);
  });
});

describe('outbound: endpoints', () => {
  const istio = { filter_metadata: { 'envoy.transport_socket_match': { tlsMode: 'istio' } } };
  const endpoint = (address: string, more = {}) => ({
    endpoint: { address: { socket_address: { address, port_value: 8080 } } },
    ...more,
  });
  const localities = (...pods: readonly MeshObject[]) =>
    (
      compiled([web('http'), ...pods], vhds).json('endpoint', `outbound|80||${host}`) as {
        readonly endpoints?: unknown;
      }
    ).endpoints;
  const at = (name: string, address: string, tlsMode = 'istio') => pod('foo', name, address, { tlsMode });

  it('say of each whether it takes mTLS, and nothing of all: Envoy would not notice when that changes', () => {
    expect(localities(at('web-1', '10.0.0.2'), at('web-2', '10.0.0.3', 'disabled'))).to.deep.equal([
      { lb_endpoints: [endpoint('10.0.0.2', { metadata: istio }), endpoint('10.0.0.3')] },
    ]);
    expect(localities(at('web-1', '10.0.0.2'))).to.deep.equal([
      { lb_endpoints: [endpoint('10.0.0.2', { metadata: istio })] },
    ]);
  });

  it('are none where there is nobody', () => {
    expect(localities()).to.equal(undefined);
  });
});
