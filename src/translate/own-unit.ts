import { type Credentials, noCredentials } from '../model/credentials.ts';
import type { Finding } from '../model/finding.ts';
import type { Mesh } from '../model/mesh.ts';
import { emptyLayer, type Layer } from '../model/resource.ts';
import type { BuildCache } from './cache.ts';
import { inboundUnit } from './inbound-unit.ts';
import type { EffectiveInbound } from './policy/inbound.ts';

/** What a proxy gets that isn't about other services: a sidecar's inbound side, or the edge that a router is. */
export interface OwnUnit {
  readonly listeners: Layer;
  readonly clusters: Layer;
  readonly routes: Layer;
  readonly extensions: Layer;
  /** Secrets of the proxy's namespace that its listeners name. */
  readonly credentials: Credentials;
  /** What can't be served as it is written. */
  readonly findings: readonly Finding[];
}

const noRoutes = emptyLayer('routes/inbound');

/** A sidecar's: what reaches its workload, and who may. Its certificates are the mesh's own. */
export function sidecarUnit(cache: BuildCache, inbound: EffectiveInbound, mesh: Mesh): OwnUnit {
  return { ...inboundUnit(cache, inbound, mesh), routes: noRoutes, credentials: noCredentials, findings: [] };
}

/** Differs from every real one. */
export const noUnit: OwnUnit = {
  listeners: emptyLayer('listeners/inbound'),
  clusters: emptyLayer('clusters/inbound'),
  routes: emptyLayer('routes/inbound'),
  extensions: emptyLayer('extensions/inbound'),
  credentials: { ...noCredentials },
  findings: [],
};
