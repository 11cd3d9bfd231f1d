import type { Labels, ObjectMeta } from './object.ts';

export interface Namespace {
  readonly kind: 'Namespace';
  readonly meta: ObjectMeta;
}

export interface ServiceAccount {
  readonly kind: 'ServiceAccount';
  readonly meta: ObjectMeta;
}

/** `istio`: its sidecar takes mesh mTLS. `disabled`: no sidecar. Read verbatim from label `security.istio.io/tlsMode`. */
export type TlsModeLabel = string;

/**
 * What runs somewhere: a Pod or a WorkloadEntry, brought to one shape at the edge.
 * `serviceAccount` of a Pod defaults to `default`; a WorkloadEntry without one has '' (it has no mesh identity).
 */
export interface Workload {
  readonly kind: 'Pod' | 'WorkloadEntry';
  readonly meta: ObjectMeta;
  readonly addresses: readonly string[];
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** Container port names, or WorkloadEntry ports, to numbers. */
  readonly namedPorts: Readonly<Record<string, number>>;
  readonly tlsMode: TlsModeLabel;
  readonly ready: boolean;
}
