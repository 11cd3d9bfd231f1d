import { sourceProblem } from '../model/credential.ts';
import { type Credentials, credentialsOf } from '../model/credentials.ts';
import { emptyLayer, type Layer, type Resource } from '../model/resource.ts';
import { type SecretSource, secretResourceName } from '../model/secret-source.ts';
import { secretsIn } from '../snapshot/indexes.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { BuildCache } from './cache.ts';
import { EdgeMemo } from './edge-memo.ts';
import { gatewayListener, type StreamRoute } from './envoy/gateway-listener.ts';
import { gatewayRouteConfiguration, gatewayVirtualHost, type HostRoutes } from './envoy/gateway-route.ts';
import { connectionSettings } from './envoy/http-connection-manager.ts';
import { layer } from './envoy/resource.ts';
import { nothingWithheld, type ProxyUnit, policyFilterLayer, tcpPolicyOf } from './inbound-unit.ts';
import { type ChainContent, effectiveGateway, type GatewayRoutes, type ServerRef } from './policy/gateway.ts';
import type { EffectiveInbound, WorkloadFacts } from './policy/inbound.ts';
import type { CredentialCluster } from './service-unit.ts';

/** What VirtualServices say for the servers of a router. */
export interface EdgeRoutes {
  /** The hosts of a route configuration, each once. */
  hosts(routes: GatewayRoutes): readonly HostRoutes[];
  /** Where the bytes of a server go, first match first. */
  streams(server: ServerRef, kind: StreamKind): readonly StreamRoute[];
}

/** Which routes of VirtualServices say where bytes go: those for TCP, or those for TLS that isn't ended here. */
export type StreamKind = Extract<ChainContent, { readonly server: ServerRef }>['kind'];

/** Without VirtualServices HTTP is answered 404, or redirected, and every other connection is closed. */
const nothing: readonly never[] = [];
export const noEdgeRoutes: EdgeRoutes = { hosts: () => nothing, streams: () => nothing };

const noClusters = emptyLayer('clusters/gateway');
const noExtensions = emptyLayer('extensions/inbound');

/**
 * Builds the edge of a router. Each listener is made of just what it depends on: another certificate of a credential changes
 * none, and a new server changes that of its own port. `named`: its clusters that name Secrets. A router that no Gateway chooses gets none
 * at all: any pod could call itself one. What `memo` has of it isn't built again.
 */
export function gatewayUnit(
  cache: BuildCache,
  snapshot: Snapshot,
  router: WorkloadFacts,
  inbound: EffectiveInbound,
  edge: EdgeRoutes = noEdgeRoutes,
  named: readonly CredentialCluster[] = [],
  memo: EdgeMemo = new EdgeMemo(),
): ProxyUnit {
  const { mesh } = snapshot;
  const secrets = snapshot.secrets.get(router.namespace);
  const effective = memo.gateway([snapshot.gateways, snapshot.services.get(router.namespace), secrets, mesh], () =>
    effectiveGateway(snapshot, router),
  );
  const trust = { trustDomain: mesh.trustDomain, trustDomainAliases: mesh.trustDomainAliases };
  const shared = {
    topology: mesh.gatewayTopology,
    tcp: tcpPolicyOf(inbound),
    authorizers: inbound.custom.authorizers,
    settings: connectionSettings(mesh),
    trust,
  };
  const sharedText = JSON.stringify(shared);
  const listeners = effective.listeners.map((listener) => {
    const streams = listener.chains.map(({ content }) =>
      'server' in content ? edge.streams(content.server, content.kind) : nothing,
    );
    return memo.listeners.get(listener, [sharedText, ...streams], () =>
      cache.get('gatewayListener', { listener, streams, ...shared }, gatewayListener),
    );
  });
  const virtualHost = (host: HostRoutes, port: number): Resource =>
    memo.virtualHosts.get(host, [port], () =>
      cache.get('gatewayVirtualHost', { host, port }, (key) => gatewayVirtualHost(key.host, key.port)),
    );
  const routes = effective.routes.map((each) => {
    const hosts = edge.hosts(each);
    return memo.routeConfigurations.get(hosts, [each], () => gatewayRouteConfiguration(each, hosts, virtualHost));
  });
  const same = (key: string, resources: readonly Resource[]): Layer =>
    cache.get(
      key,
      resources.map(({ name, version }) => ({ name, version })),
      () => layer(key, resources),
    );
  const stored = secretsIn(snapshot, router.namespace);
  const ofClusters = listeners.length === 0 ? [] : named.flatMap(({ sources }) => sources);
  const lacking = named.filter(({ sources }) => sources.some((source) => sourceProblem(source, stored) !== undefined));
  const credentials = (): Credentials => {
    const sources = distinct([...effective.secrets, ...ofClusters]);
    return cache.get('credentials', credentialsOf(router.namespace, sources, stored.find), (key) => key);
  };
  return {
    listeners: same('listeners/gateway', listeners),
    routes: same('routes/gateway', routes),
    clusters: noClusters,
    withheld:
      lacking.length === 0
        ? nothingWithheld
        : same(
            'clusters/withheld',
            lacking.map(({ withheld }) => withheld),
          ),
    extensions: listeners.length === 0 ? noExtensions : policyFilterLayer(cache, inbound, trust, 'router'),
    credentials: memo.credentials.get(effective.secrets, [named, secrets, listeners.length], credentials),
    findings: effective.findings,
  };
}

function distinct(sources: readonly SecretSource[]): readonly SecretSource[] {
  return [...new Map(sources.map((source) => [secretResourceName(source), source])).values()];
}
