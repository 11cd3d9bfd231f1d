import type { ExportTo } from './export-to.ts';
import type { Host } from './host.ts';
import type { RequestMatch } from './http-match.ts';
import type { HttpAction, RouteOptions, WeightedDestination } from './http-route.ts';
import type { IpBlock } from './ip-block.ts';
import type { Labels, ObjectMeta } from './object.ts';

/** The sidecars, where a Gateway could be named. */
export const meshGateway = 'mesh';

/** Whom a match is for; an empty part leaves it open. */
export interface RouteAudience {
  /** Gateways as `namespace/name`, and {@link meshGateway}. With any, labels and namespace of the proxy don't count. */
  readonly gateways: readonly string[];
  readonly sourceLabels: Labels;
  readonly sourceNamespace: string;
  /** Port that the client asked for. */
  readonly port: number | undefined;
}

/** Every proxy, on every port. */
export const anyAudience: RouteAudience = { gateways: [], sourceLabels: {}, sourceNamespace: '', port: undefined };

/** One entry of `match`: requests alike, of certain clients. */
export interface HttpMatch extends RouteAudience {
  readonly name: string;
  readonly request: RequestMatch;
  readonly statPrefix: string;
}

/** What `delegate` names: a VirtualService whose routes take the place of this one. */
export interface DelegateRef {
  readonly namespace: string;
  readonly name: string;
}

/** One entry of `http`. */
export interface HttpRoute extends RouteOptions {
  readonly name: string;
  /** One of them must match; empty: all requests. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction | { readonly kind: 'delegate'; readonly to: DelegateRef };
}

/** One entry of `match` of a TLS or TCP route. */
export interface ConnectionMatch extends RouteAudience {
  /** Names that the client sends; empty: any, or none. */
  readonly sniHosts: readonly Host[];
  readonly destinationSubnets: readonly IpBlock[];
  readonly sourceSubnets: readonly IpBlock[];
}

/** One entry of `tls` or `tcp`. */
export interface ConnectionRoute {
  /** One of them must match; empty: all connections. */
  readonly matches: readonly ConnectionMatch[];
  readonly destinations: readonly WeightedDestination[];
}

/** Where traffic for some hosts goes (behaviour.md 5.7). */
export interface VirtualService {
  readonly kind: 'VirtualService';
  readonly meta: ObjectMeta;
  /** As written, in lower case: short names are full only where the mesh's DNS domain is known. Empty for a delegate. */
  readonly hosts: readonly Host[];
  /** As `namespace/name`, and {@link meshGateway}. */
  readonly gateways: readonly string[];
  readonly http: readonly HttpRoute[];
  readonly tls: readonly ConnectionRoute[];
  readonly tcp: readonly ConnectionRoute[];
  readonly exportTo: ExportTo;
}
