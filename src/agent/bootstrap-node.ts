import { type envoy, fromJson } from '@envoyproxy/protos';
import type { Labels } from '../model/object.ts';
import type { ProxyKind } from '../model/proxy.ts';

/** The workload that an Envoy stands beside. */
export interface BootstrapWorkload {
  readonly kind: ProxyKind;
  /** Name of the pod or workload entry. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Labels;
  /** At least one; the first stands in the node id. */
  readonly addresses: readonly [string, ...string[]];
  readonly clusterId: string;
  readonly dnsDomain: string;
}

/** `sidecar~<ip>~<pod>.<namespace>~<namespace>.svc.<domain>` (product.md; behaviour.md section 7.1). */
export function nodeId(workload: BootstrapWorkload): string {
  const { kind, addresses, name, namespace, dnsDomain } = workload;
  return [kind, addresses[0], `${name}.${namespace}`, `${namespace}.svc.${dnsDomain}`].join('~');
}

/** What Envoy says about itself in the first request of each stream. A claim, checked against what the token proves. */
export function bootstrapNode(workload: BootstrapWorkload): envoy.config.core.v3.Node {
  const { name, namespace, serviceAccount, labels } = workload;
  const app = labels['app.kubernetes.io/name'] ?? labels['app'] ?? name;
  return {
    id: nodeId(workload),
    cluster: `${app}.${namespace}`,
    metadata: fromJson('google.protobuf.Struct', {
      CLUSTER_ID: workload.clusterId,
      INSTANCE_IPS: workload.addresses.join(','),
      LABELS: Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))),
      NAME: name,
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: serviceAccount,
    }),
  };
}
