import type { ExportTo } from './export-to.ts';
import type { Host } from './host.ts';
import type { Labels, ObjectMeta } from './object.ts';

/** What Coxswain knows of a port's traffic. `auto`: not declared, so it is sniffed on the wire. UDP ports are left out. */
export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp' | 'tls' | 'auto';

export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  /** A number, or the name of a container port. */
  readonly targetPort: number | string;
  readonly protocol: Protocol;
}

export interface Service {
  readonly kind: 'Service';
  readonly meta: ObjectMeta;
  /** `undefined`: no selector, endpoints come from EndpointSlices alone. */
  readonly selector: Labels | undefined;
  /** Cluster addresses; empty for a headless service. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
  /** The host that an ExternalName service is another name for. */
  readonly externalName: Host | undefined;
  /** Annotation `networking.istio.io/exportTo` (behaviour.md 7.7). */
  readonly exportTo: ExportTo;
  readonly ports: readonly ServicePort[];
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  /** Name of the Pod behind it, in the slice's namespace; '' where there is none. */
  readonly pod: string;
}

/** Label `kubernetes.io/service-name` names the Service. */
export interface EndpointSlice {
  readonly kind: 'EndpointSlice';
  readonly meta: ObjectMeta;
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}

/** `<name>.<namespace>.svc.<dns domain>`. */
export function serviceHost(
  service: { readonly meta: { readonly name: string; readonly namespace: string } },
  dnsDomain: string,
): string {
  return `${service.meta.name}.${service.meta.namespace}.svc.${dnsDomain}`;
}
