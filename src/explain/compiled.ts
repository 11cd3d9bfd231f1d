import { decode, type TypeMap, type TypeName } from '@envoyproxy/protos';
import type { ViewId } from '../model/ids.ts';
import type { Proxy, ProxyKind } from '../model/proxy.ts';
import { types } from '../model/type-urls.ts';
import type { Workload } from '../model/workload.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Compiler } from '../translate/compiler.ts';

const messages = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  extension: 'envoy.config.core.v3.TypedExtensionConfig',
} as const satisfies Partial<Record<keyof typeof types, TypeName>>;

/** What one Envoy is sent, by type and name. */
export interface Sent extends Disposable {
  /** Equal for proxies that are sent the same. */
  readonly view: ViewId;
  /** In the order in which they are sent. */
  names(kind: keyof typeof messages): readonly string[];
  find<K extends keyof typeof messages>(kind: K, name: string): TypeMap[(typeof messages)[K]] | undefined;
}

/** Compiles a workload's configuration, or takes it from where it is compiled already. */
export function sentTo(
  compiler: Pick<Compiler, 'attach' | 'snapshot'>,
  workload: Workload,
  kind: ProxyKind = 'sidecar',
): Sent {
  const compiled = compiler.attach(proxyOf(compiler.snapshot, workload, kind), () => undefined);
  return {
    view: compiled.view,
    names: (type) => compiled.layers(types[type]).flatMap(({ resources }) => [...resources.keys()]),
    find(kind, name) {
      for (const layer of compiled.layers(types[kind])) {
        const resource = layer.resources.get(name);
        if (resource !== undefined) return decode(messages[kind], resource.body);
      }
      return undefined;
    },
    [Symbol.dispose]: () => compiled[Symbol.dispose](),
  };
}

function proxyOf({ mesh }: Snapshot, { meta, addresses, labels, serviceAccount }: Workload, kind: ProxyKind): Proxy {
  const { name, namespace } = meta;
  const ip = addresses[0] ?? '0.0.0.0';
  return {
    id: `${kind}~${ip}~${name}.${namespace}~${namespace}.svc.${mesh.dnsDomain}`,
    kind,
    ip,
    name,
    namespace,
    serviceAccount,
    labels,
    routes: 'vhds',
  };
}
