import type { Labels } from './object.ts';
import { type Selector, selects } from './selector.ts';
import type { TargetRef } from './target-ref.ts';

/** What makes a workload a gateway of the Kubernetes Gateway API: its value is the Gateway's name (behaviour.md 1.0). */
export const gatewayNameLabel = 'gateway.networking.k8s.io/gateway-name';

/** What chooses the workloads of a policy. */
interface Scoped {
  readonly meta: { readonly namespace: string };
  readonly selector: Selector;
  readonly targets: readonly TargetRef[];
}

/**
 * Whether a policy holds for a workload: one of the root namespace matches in every namespace, any other in its own. With
 * targets it's for the gateways that they name, and no label selects a sidecar for it (behaviour.md 1.0, pitfall 92).
 */
export function holdsFor(
  { meta, selector, targets }: Scoped,
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): boolean {
  const sameNamespace = meta.namespace === workload.namespace;
  if (targets.length === 0) {
    return (sameNamespace || meta.namespace === rootNamespace) && selects(selector, workload.labels);
  }
  const gateway = Object.hasOwn(workload.labels, gatewayNameLabel) ? workload.labels[gatewayNameLabel] : undefined;
  return (
    sameNamespace &&
    gateway !== undefined &&
    targets.some(
      ({ group, kind, name }) => group === 'gateway.networking.k8s.io' && kind === 'Gateway' && name === gateway,
    )
  );
}
