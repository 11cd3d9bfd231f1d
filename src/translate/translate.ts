import type { Credentials } from '../model/credentials.ts';
import type { Finding } from '../model/finding.ts';
import type { Proxy } from '../model/proxy.ts';
import type { Resource } from '../model/resource.ts';
import { pushOrder } from '../model/type-urls.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { BuildCache } from './cache.ts';
import { check } from './check.ts';
import { Compiler } from './compiler.ts';
import { destinationsOf } from './policy/mesh-routes.ts';
import { virtualServicesOf } from './policy/virtual-services.ts';

/** One proxy's whole configuration, and what is wrong with it. */
export interface Translation {
  /** By type in push order, then by name. */
  readonly resources: readonly Resource[];
  /** Secrets that a router's chains name beside them. */
  readonly credentials: Credentials;
  readonly findings: readonly Finding[];
}

/**
 * Compiles one proxy's configuration from scratch: the offline way, and the yardstick that the incremental compiler must
 * equal byte for byte.
 */
export function translate(snapshot: Snapshot, proxy: Proxy, cache: BuildCache = new BuildCache()): Translation {
  const compiler = new Compiler(snapshot, cache);
  using compiled = compiler.attach(proxy, () => undefined);
  const resources = pushOrder.flatMap((type) =>
    compiled
      .layers(type)
      .flatMap((layer) => [...layer.resources.values()])
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
  const named = hostsNamed(snapshot);
  const wrong = check(resources, (cluster) => named.has(cluster.split('|').at(-1) ?? ''));
  return { resources, credentials: compiled.credentials, findings: [...compiler.findings, ...wrong] };
}

/** The hosts that people name in routes: a typo, or a host that the proxy doesn't import, makes no wrong configuration. */
function hostsNamed(snapshot: Snapshot): ReadonlySet<string> {
  return new Set([
    ...virtualServicesOf(snapshot).flatMap((routed) => destinationsOf(routed).map(({ host }) => host)),
    ...[...all(snapshot.sidecars)].flatMap(({ outboundPolicy }) => outboundPolicy?.egressProxy?.host ?? []),
  ]);
}
