import type { Labels } from './object.ts';

export type ProxyKind = 'sidecar' | 'router';

/**
 * One connected (or imagined) Envoy, after its node claim was checked against the proven identity. Node id:
 * `sidecar~<ip>~<pod>.<namespace>~<namespace>.svc.<domain>`.
 */
export interface Proxy {
  readonly id: string;
  readonly kind: ProxyKind;
  readonly ip: string;
  /** Name of its pod or workload entry. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** What the node metadata says; used only while the registry doesn't know the workload. */
  readonly labels: Labels;
  /**
   * `vhds`: routes of a port arrive as one resource per virtual host (delta streams of an Envoy that takes VHDS over
   * ADS), so a new service costs one virtual host. `inline`: whole route configurations.
   */
  readonly routes: 'vhds' | 'inline';
}

/** `<pod>.<namespace>`: how people name a proxy. */
export function proxyName(proxy: { readonly name: string; readonly namespace: string }): string {
  return `${proxy.name}.${proxy.namespace}`;
}
