import type { Mesh } from '../model/mesh.ts';
import type { Layer } from '../model/resource.ts';
import type { BuildCache } from './cache.ts';
import { serviceInboundCluster } from './envoy/cluster.ts';
import { httpPolicyFilters } from './envoy/extension.ts';
import { layer } from './envoy/resource.ts';
import { virtualInboundListener } from './envoy/virtual-inbound.ts';
import { forHttp } from './policy/authorization.ts';
import { forTcp } from './policy/authorization-tcp.ts';
import type { EffectiveInbound } from './policy/inbound.ts';

/** A workload's own part of its configuration: what reaches it, and who may. */
export interface InboundUnit {
  readonly listeners: Layer;
  readonly clusters: Layer;
  readonly extensions: Layer;
}

/**
 * Builds a workload's inbound side. Each layer is cached by just what it depends on, so that workloads alike share the
 * very same layers, and a policy edit that means nothing to TCP leaves the listener the object it was.
 */
export function inboundUnit(cache: BuildCache, inbound: EffectiveInbound, mesh: Mesh): InboundUnit {
  const trust = { trustDomain: mesh.trustDomain, trustDomainAliases: mesh.trustDomainAliases };
  const { ports, mode, extraPorts } = inbound;
  const listenerKey = {
    ports,
    mode,
    extraPorts,
    deny: inbound.deny.map((policy) => forTcp(policy).rules),
    allow: inbound.allow.map((policy) => forTcp(policy).rules),
    trust,
  };
  const filterKey = { deny: inbound.deny.map(forHttp), allow: inbound.allow.map(forHttp), trust };
  return {
    listeners: cache.get('virtualInbound', listenerKey, (key) =>
      layer('listeners/inbound', [virtualInboundListener(key)]),
    ),
    clusters: cache.get(
      'inboundClusters',
      ports.map(({ port }) => port),
      (key) => layer('clusters/inbound', key.map(serviceInboundCluster)),
    ),
    extensions: cache.get('httpPolicy', filterKey, (key) => layer('extensions/inbound', httpPolicyFilters(key))),
  };
}
