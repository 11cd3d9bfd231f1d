import type { Finding } from '../model/finding.ts';
import type { Mesh } from '../model/mesh.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { lintAuthorization } from './lint/authorization.ts';
import { lintClientTls } from './lint/client-tls.ts';
import { lintCredentials } from './lint/credentials.ts';
import { lintDestinationRules } from './lint/destination-rule.ts';
import { lintDestinations } from './lint/destinations.ts';
import { lintGateways } from './lint/gateway.ts';
import { lintMtls } from './lint/mtls.ts';
import { lintPaths } from './lint/paths.ts';
import { lintReach } from './lint/reach.ts';
import { lintRouteAudience } from './lint/route-audience.ts';
import { lintRouteOrder } from './lint/route-order.ts';
import { lintSharedHosts } from './lint/shared-hosts.ts';
import { lintTcp } from './lint/tcp.ts';
import { lintTunnels } from './lint/tunnels.ts';
import { lintVirtualServices } from './lint/virtual-service.ts';
import { worldOf } from './lint/world.ts';

/**
 * What only shows when the whole set is seen: policies that have no effect, reach nobody, or do something else than they
 * say. Never errors: all of it is valid. `decode` has already told what shows in one object.
 */
export function lint(objects: readonly MeshObject[], mesh: Mesh): readonly Finding[] {
  const world = worldOf(objects, mesh);
  return [
    ...lintMtls(world),
    ...lintReach(world),
    ...lintTcp(world),
    ...lintAuthorization(world),
    ...lintPaths(world),
    ...lintGateways(world),
    ...lintCredentials(world),
    ...lintVirtualServices(world),
    ...lintRouteAudience(world),
    ...lintRouteOrder(world),
    ...lintSharedHosts(world),
    ...lintDestinations(world),
    ...lintDestinationRules(world),
    ...lintClientTls(world),
    ...lintTunnels(world),
  ];
}
