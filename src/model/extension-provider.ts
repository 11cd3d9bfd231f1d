/** Fields that an external authorizer has over either protocol (MeshConfig.ExtensionProvider; behaviour.md 1.3, CUSTOM). */
interface ExtAuthzCommon {
  readonly name: string;
  /** Host of a service of the mesh, `ext-authz.foo.svc.cluster.local`; `<namespace>/<host>` is brought to the host alone. */
  readonly service: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Lets a request pass when the authorizer can't be asked. */
  readonly failOpen: boolean;
  /** HTTP status when the authorizer can't be asked. */
  readonly statusOnError: number;
  /** Sends the beginning of the body along. */
  readonly body:
    | { readonly maxRequestBytes: number; readonly allowPartialMessage: boolean; readonly packAsBytes: boolean }
    | undefined;
  readonly clearRouteCache: boolean;
}

export interface ExtAuthzGrpc extends ExtAuthzCommon {
  readonly kind: 'grpc';
}

export interface ExtAuthzHttp extends ExtAuthzCommon {
  readonly kind: 'http';
  readonly pathPrefix: string;
  /** Names with the usual `x*`, `*x` and `*`. */
  readonly includeRequestHeadersInCheck: readonly string[];
  readonly includeAdditionalHeadersInCheck: Readonly<Record<string, string>>;
  readonly headersToUpstreamOnAllow: readonly string[];
  readonly headersToDownstreamOnAllow: readonly string[];
  readonly headersToDownstreamOnDeny: readonly string[];
}

/** An external authorizer that policies of action CUSTOM may name. */
export type ExtensionProvider = ExtAuthzGrpc | ExtAuthzHttp;
