import type { Host } from './host.ts';
import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { Protocol } from './service.ts';
import type { ConnectionPool } from './traffic-policy.ts';

/** A port on which a sidecar listens. Behind a Unix socket the number is 0. */
export interface SidecarPort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
}

/** What listens, and whether traffic is intercepted for it. */
interface SidecarListener {
  /** An address or, for what goes out, the absolute path of a Unix socket; '' where nothing is said. */
  readonly bind: string;
  readonly captureMode: 'DEFAULT' | 'IPTABLES' | 'NONE';
}

/** Where the application of an ingress listener is. */
export type DefaultEndpoint =
  /** `loopback`: 127.0.0.1 or ::1; `pod`: the pod's own address. */
  | { readonly kind: 'port'; readonly at: 'loopback' | 'pod'; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

/** Does a listener stand at every address? */
export const isEveryAddress = (bind: string): boolean => bind === '0.0.0.0' || /^[0:]+$/.test(bind);

/** What a sidecar takes in on one port. */
export interface IngressListener extends SidecarListener {
  readonly port: SidecarPort;
  /** Undefined: the same port of the pod's own address. */
  readonly defaultEndpoint: DefaultEndpoint | undefined;
  readonly connectionPool: ConnectionPool | undefined;
}

/** `ns/host` of an egress listener: services of one namespace, or (undefined) of all, whose host is within a pattern. */
export interface ImportedHost {
  readonly namespace: string | undefined;
  readonly host: Host;
}

/** What a sidecar lets out on one port, or (undefined) on all that have no listener of their own. */
export interface EgressListener extends SidecarListener {
  readonly port: SidecarPort | undefined;
  /** Empty: nothing (`~/*`). */
  readonly hosts: readonly ImportedHost[];
}

/** What is done with traffic to hosts that a sidecar doesn't know. */
export interface SidecarOutboundPolicy {
  readonly mode: 'REGISTRY_ONLY' | 'ALLOW_ANY';
  /** Where it is sent instead of to its own destination. */
  readonly egressProxy: { readonly host: Host; readonly subset: string; readonly port: number | undefined } | undefined;
}

/** What sidecars of some workloads take in, and what they know of the mesh (behaviour.md 4.6). */
export interface Sidecar {
  readonly kind: 'Sidecar';
  readonly meta: ObjectMeta;
  /** Without labels: all of the namespace; in the root namespace, all of the mesh. */
  readonly selector: Selector;
  /** Empty: what comes in goes by the services of the workload. */
  readonly ingress: readonly IngressListener[];
  /** Undefined: every service that is exported to the namespace. */
  readonly egress: readonly EgressListener[] | undefined;
  readonly inboundConnectionPool: ConnectionPool | undefined;
  readonly outboundPolicy: SidecarOutboundPolicy | undefined;
}
