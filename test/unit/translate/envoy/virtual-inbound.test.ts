import { encode, type envoy } from '@envoyproxy/protos';
import { expect } from 'chai';
import { trustDomain } from '../../../../src/model/ids.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MtlsMode } from '../../../../src/model/peer-authentication.ts';
import type { Protocol } from '../../../../src/model/service.ts';
import { connectionSettings } from '../../../../src/translate/envoy/http-connection-manager.ts';
import type { TcpPolicy } from '../../../../src/translate/envoy/tcp-policy.ts';
import { type VirtualInbound, virtualInboundListener } from '../../../../src/translate/envoy/virtual-inbound.ts';
import type { PolicyRules } from '../../../../src/translate/policy/authorization.ts';
import { forTcp } from '../../../../src/translate/policy/authorization-tcp.ts';
import type { InboundPort } from '../../../../src/translate/policy/inbound.ts';
import { json, listenerOf, unpack } from '../../../support/compiled.ts';
import { authorizationPolicy } from '../../../support/objects.ts';

type Listener = envoy.config.listener.v3.Listener;
type Chain = envoy.config.listener.v3.FilterChain;

const port = (number: number, protocol: Protocol, mode: MtlsMode): InboundPort => ({
  port: number,
  servicePort: 80,
  protocol,
  mode,
});

const none = { enforced: [], dryRun: [] };
const tcp = (more: Partial<TcpPolicy>): TcpPolicy => ({ custom: [], audit: none, deny: none, allow: none, ...more });
const enforced = (policies: readonly PolicyRules[]) => ({ enforced: policies, dryRun: [] });

const inbound = (more: Partial<VirtualInbound> = {}): VirtualInbound => ({
  ports: [],
  mode: 'PERMISSIVE',
  extraPorts: [],
  idle: [],
  tcp: tcp({}),
  authorizers: [],
  settings: connectionSettings(defaultMesh),
  trust: { trustDomain: trustDomain('cluster.local'), trustDomainAliases: [] },
  ...more,
});

const build = (more: Partial<VirtualInbound> = {}): Listener => listenerOf(virtualInboundListener(inbound(more)));
const chainsOf = (listener: Listener): readonly Chain[] => listener.filterChains ?? [];
const namesOf = (listener: Listener): readonly (string | undefined)[] => chainsOf(listener).map(({ name }) => name);

/** Everything but the chains: the part of a listener whose change drains all connections. */
function withoutChains(listener: Listener): unknown {
  const { filterChains: _, ...rest } = listener;
  return rest;
}

const chainBytes = (chain: Chain): string =>
  Buffer.from(encode('envoy.config.listener.v3.FilterChain', chain)).toString('base64');

/** Which chains, by name, differ in any byte between two listeners. */
function changedChains(before: Listener, after: Listener): readonly (string | undefined)[] {
  const old = new Map(chainsOf(before).map((chain) => [chain.name, chainBytes(chain)]));
  return chainsOf(after)
    .filter((chain) => old.get(chain.name) !== chainBytes(chain))
    .map(({ name }) => name);
}

/** `name: disabled on …` for each listener filter. */
function disabledOn(more: Partial<VirtualInbound>): unknown {
  const { listener_filters } = json(virtualInboundListener(inbound(more))) as {
    readonly listener_filters: readonly { readonly name: string; readonly filter_disabled?: unknown }[];
  };
  return Object.fromEntries(
    listener_filters.map(({ name, filter_disabled }) => [name.replace('envoy.filters.listener.', ''), filter_disabled]),
  );
}

const on = (...ports: readonly number[]) => {
  const rules = ports.map((each) => ({ destination_port_range: { start: each, end: each + 1 } }));
  return rules.length === 1 ? rules[0] : { or_match: { rules } };
};

describe('virtualInboundListener', () => {
  // behaviour.md A.4: one HTTP Service 80 -> 8080, workload PERMISSIVE, port 9000 STRICT and in no Service.
  const vector = {
    ports: [port(8080, 'http', 'PERMISSIVE')],
    extraPorts: [{ port: 9000, mode: 'STRICT' as const }],
  };

  it('has the chains of the worked example, in order', () => {
    expect(
      chainsOf(build(vector)).map(({ name, filterChainMatch: match, transportSocket, filters }) => ({
        name,
        port: match?.destinationPort?.value,
        transport: match?.transportProtocol,
        alpn: match?.applicationProtocols,
        mtls: transportSocket !== undefined && transportSocket !== null,
        filter: filters?.at(-1)?.name?.replace('envoy.filters.network.', ''),
      })),
    ).to.deep.equal([
      { name: 'virtualInbound-blackhole', port: 15006, transport: '', alpn: [], mtls: false, filter: 'tcp_proxy' },
      ...[
        {
          name: 'virtualInbound-catchall-http-mtls',
          transport: 'tls',
          alpn: ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'],
          mtls: true,
          filter: 'http_connection_manager',
        },
        {
          name: 'virtualInbound-catchall-http',
          transport: 'raw_buffer',
          alpn: ['http/1.1', 'h2c'],
          mtls: false,
          filter: 'http_connection_manager',
        },
        {
          name: 'virtualInbound-catchall-tcp-mtls',
          transport: 'tls',
          alpn: ['istio-peer-exchange', 'istio'],
          mtls: true,
          filter: 'tcp_proxy',
        },
        { name: 'virtualInbound-catchall-tcp', transport: 'raw_buffer', alpn: [], mtls: false, filter: 'tcp_proxy' },
        { name: 'virtualInbound-catchall-app-tls', transport: 'tls', alpn: [], mtls: false, filter: 'tcp_proxy' },
      ].map((each) => ({ port: undefined, ...each })),
      ...[
        {
          name: 'virtualInbound-catchall_9000-http-mtls',
          transport: 'tls',
          alpn: ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'],
          mtls: true,
          filter: 'http_connection_manager',
        },
        { name: 'virtualInbound-catchall_9000-tcp-mtls', transport: 'tls', alpn: [], mtls: true, filter: 'tcp_proxy' },
      ].map((each) => ({ port: 9000, ...each })),
      ...[
        {
          name: '0.0.0.0_8080-mtls',
          transport: 'tls',
          alpn: ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'],
          mtls: true,
          filter: 'http_connection_manager',
        },
        {
          name: '0.0.0.0_8080-plaintext',
          transport: 'raw_buffer',
          alpn: [],
          mtls: false,
          filter: 'http_connection_manager',
        },
      ].map((each) => ({ port: 8080, ...each })),
    ]);
  });

  it('inspects what the worked example does, and for HTTP also port 9000, whatever its mode', () => {
    expect(disabledOn(vector)).to.deep.equal({
      original_dst: undefined,
      tls_inspector: on(15006),
      http_inspector: on(8080, 15006),
    });
  });

  it('never reads the TLS of an application on a DISABLE port', () => {
    const ports = [port(8080, 'http', 'DISABLE'), port(8081, 'tcp', 'PERMISSIVE')];
    expect(disabledOn({ ports, extraPorts: [{ port: 9000, mode: 'DISABLE' }] })).to.deep.include({
      tls_inspector: on(8080, 9000, 15006),
    });
  });

  it('inspects TLS on the exceptions alone where the workload has mTLS off', () => {
    const ports = [port(8080, 'http', 'STRICT'), port(8081, 'tcp', 'DISABLE')];
    expect(disabledOn({ mode: 'DISABLE', ports, extraPorts: [{ port: 9000, mode: 'PERMISSIVE' }] })).to.deep.include({
      tls_inspector: { not_match: on(8080, 9000) },
    });
    expect(disabledOn({ mode: 'DISABLE', ports: [port(8081, 'tcp', 'DISABLE')] })).to.deep.include({
      tls_inspector: { any_match: true },
    });
  });

  it('sniffs for HTTP on undeclared ports alone, so that a server may speak first on declared ones', () => {
    const ports = [port(3306, 'tcp', 'STRICT'), port(7000, 'auto', 'STRICT'), port(8080, 'grpc', 'STRICT')];
    expect(disabledOn({ ports })).to.deep.include({ http_inspector: on(3306, 8080, 15006) });
  });

  it('names every chain once', () => {
    for (const mode of ['STRICT', 'PERMISSIVE', 'DISABLE'] as const) {
      const names = namesOf(
        build({
          mode,
          ports: (['http', 'http2', 'grpc', 'tcp', 'tls', 'auto'] as const).map((each, index) =>
            port(8080 + index, each, mode),
          ),
          extraPorts: [
            { port: 80, mode },
            { port: 808, mode },
          ],
        }),
      );
      expect(new Set(names).size).to.equal(names.length);
    }
  });

  it('changes nothing but chains when a mode flips between STRICT and PERMISSIVE', () => {
    const flip = (mode: MtlsMode): Listener =>
      build({
        mode,
        ports: [port(8080, 'http', mode), port(9000, 'tcp', mode), port(7000, 'auto', mode)],
        extraPorts: [{ port: 99, mode }],
      });
    expect(withoutChains(flip('STRICT'))).to.deep.equal(withoutChains(flip('PERMISSIVE')));
    expect(namesOf(flip('STRICT'))).to.not.deep.equal(namesOf(flip('PERMISSIVE')));
  });

  it('keeps the chains of other ports byte for byte when one port changes', () => {
    const others = [port(8080, 'http', 'PERMISSIVE'), port(9000, 'tcp', 'STRICT')];
    const before = build({ ports: [...others, port(9001, 'tcp', 'PERMISSIVE')] });
    const strict = build({ ports: [...others, port(9001, 'tcp', 'STRICT')] });
    expect(changedChains(before, strict)).to.deep.equal(['0.0.0.0_9001-mtls']);
    expect(withoutChains(strict)).to.deep.equal(withoutChains(before));
    const more = build({ ports: [...others, port(9001, 'tcp', 'PERMISSIVE'), port(9002, 'tcp', 'STRICT')] });
    expect(changedChains(before, more)).to.deep.equal(['0.0.0.0_9002-mtls']);
  });

  it('puts an edit of TCP policy into TCP chains, and no byte of it anywhere else', () => {
    const policy = (principal: string) => [
      forTcp(authorizationPolicy('foo', 'p', 'ALLOW', [{ from: { principals: [principal] } }])).rules,
    ];
    const ports = [port(8080, 'http', 'PERMISSIVE'), port(9000, 'tcp', 'PERMISSIVE')];
    const [before, after] = [
      build({ ports, tcp: tcp({ allow: enforced(policy('a')) }) }),
      build({ ports, tcp: tcp({ allow: enforced(policy('b')) }) }),
    ];
    expect(withoutChains(after)).to.deep.equal(withoutChains(before));
    expect(changedChains(before, after)).to.deep.equal([
      'virtualInbound-catchall-tcp-mtls',
      'virtualInbound-catchall-tcp',
      'virtualInbound-catchall-app-tls',
      '0.0.0.0_9000-mtls',
      '0.0.0.0_9000-app-tls',
      '0.0.0.0_9000-plaintext',
    ]);
  });

  it('puts the policy before the proxy on TCP chains: what denies first', () => {
    const policies = [forTcp(authorizationPolicy('foo', 'p', 'ALLOW', [{}])).rules];
    const chain = chainsOf(
      build({
        ports: [port(9000, 'tcp', 'STRICT')],
        tcp: tcp({ deny: enforced(policies), allow: enforced(policies) }),
      }),
    ).at(-1);
    expect(chain?.filters?.map(({ name }) => name)).to.deep.equal([
      'envoy.filters.network.rbac',
      'envoy.filters.network.rbac',
      'envoy.filters.network.tcp_proxy',
    ]);
    const actions = chain?.filters
      ?.slice(0, 2)
      .map(
        ({ typedConfig }) =>
          unpack('envoy.extensions.filters.network.rbac.v3.RBAC', typedConfig ?? undefined).rules?.action,
      );
    expect(actions, 'DENY is 1, ALLOW is 0').to.deep.equal([1, 0]);
  });

  it('asks a client for a certificate of our trust domains, and takes no other', () => {
    const trust = {
      trustDomain: trustDomain('td.example'),
      trustDomainAliases: [trustDomain('old.example'), trustDomain('td.example')],
    };
    const chain = chainsOf(build({ mode: 'STRICT', trust })).find(({ transportSocket }) => transportSocket);
    const context = unpack(
      'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      chain?.transportSocket?.typedConfig ?? undefined,
    );
    expect(context.requireClientCertificate?.value).to.equal(true);
    const sans =
      context.commonTlsContext?.combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames;
    expect(sans?.map(({ sanType, matcher }) => [sanType, matcher?.prefix])).to.deep.equal([
      [3, 'spiffe://td.example/'],
      [3, 'spiffe://old.example/'],
    ]);
  });

  // A chain of its own would lead connections to 15006 back to 15006, for ever.
  it('ends every connection to its own port, also where a service or a policy names that port', () => {
    const listener = build({
      ports: [port(8080, 'tcp', 'STRICT'), port(15006, 'tcp', 'PERMISSIVE')],
      extraPorts: [{ port: 15006, mode: 'PERMISSIVE' }],
    });
    const own = chainsOf(listener).filter(({ filterChainMatch }) => filterChainMatch?.destinationPort?.value === 15006);
    expect(own.map(({ name }) => name)).to.deep.equal(['virtualInbound-blackhole']);
  });
});
