import { visibleIn } from '../model/export-to.ts';
import type { Host } from '../model/host.ts';
import type { Destination } from '../model/http-route.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { RouteTargets } from './envoy/http-routes.ts';
import { outboundCluster } from './envoy/names.ts';
import type { Client } from './policy/client.ts';
import { destinationPort } from './policy/destination-port.ts';
import { destinationOf } from './policy/destination-rules.ts';
import { hashKeyOf, policyOf, tunnelOf } from './policy/target-policy.ts';
import type { Registered, Registry } from './registry.ts';

/**
 * Where routes of a client lead that asked for `port`. A host, port or subset that nobody has is a cluster that isn't there: requests get
 * 503, connections end (behaviour.md 5.7).
 */
export function routeTargets(
  snapshot: Snapshot,
  registry: Registry,
  client: Pick<Client, 'namespace' | 'labels'>,
  port: number,
): RouteTargets {
  const find = (host: Host): Registered | undefined =>
    registry.claiming(host).find(({ exportTo }) => visibleIn(exportTo, client.namespace));
  const portOf = (to: Destination): number =>
    destinationPort(
      to,
      find(to.host)?.ports.map((each) => each.port),
      port,
    );
  const ruleOf = (to: Destination): ReturnType<typeof destinationOf> => {
    const service = find(to.host);
    return service && destinationOf(snapshot, service, client);
  };
  return {
    port,
    clusterOf: (to) => outboundCluster(portOf(to), to.host, to.subset),
    tunnelOf: (to) => {
      const rule = ruleOf(to);
      return rule && tunnelOf(rule, to.subset);
    },
    hashOf: (to) => {
      const rule = ruleOf(to);
      return rule && hashKeyOf(policyOf(rule, to.subset, portOf(to)));
    },
  };
}
