/** A share, 0 to 100. */
export type Percent = number;

/** How a client speaks TLS to a destination (behaviour.md 4.4). Files are named as the client's Envoy sees them. */
export type ClientTlsSettings =
  | { readonly mode: 'DISABLE' }
  | { readonly mode: 'ISTIO_MUTUAL'; readonly sni: string; readonly subjectAltNames: readonly string[] }
  | OriginatedTls;

/** TLS with certificates that aren't the mesh's. */
export interface OriginatedTls {
  readonly mode: 'SIMPLE' | 'MUTUAL';
  /** What the client shows; undefined for SIMPLE. */
  readonly certificate:
    | { readonly kind: 'files'; readonly certificate: string; readonly privateKey: string }
    | { readonly kind: 'credential'; readonly name: string }
    | undefined;
  /** What the server's certificate is checked with; `system`: the authorities that the client's machine trusts. */
  readonly authorities:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'credential'; readonly name: string }
    | { readonly kind: 'system' }
    /** Nothing is checked. */
    | { readonly kind: 'none' };
  /** File of revoked certificates; '' for none. */
  readonly revoked: string;
  /** Names of which the server must hold one; empty: the name that is sent. */
  readonly subjectAltNames: readonly string[];
  /** '' for the Host header of the request. */
  readonly sni: string;
}

/** What a hash of consistent load balancing is taken from. */
export type HashKey =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string; readonly path: string; readonly ttlMs: number | undefined }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'address' };

export interface ConsistentHash {
  readonly key: HashKey;
  readonly algorithm:
    | { readonly kind: 'ring'; readonly minimumSize: number | undefined }
    | { readonly kind: 'maglev'; readonly tableSize: number | undefined };
}

/** How an endpoint is chosen. */
export interface LoadBalancer {
  readonly method: 'LEAST_REQUEST' | 'ROUND_ROBIN' | 'RANDOM' | 'PASSTHROUGH' | ConsistentHash;
  /** New endpoints get less at first. */
  readonly warmup:
    | {
        readonly durationMs: number;
        readonly minimumPercent: Percent | undefined;
        readonly aggression: number | undefined;
      }
    | undefined;
}

export interface ConnectionPool {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly keepalive:
    | {
        readonly probes: number | undefined;
        readonly timeMs: number | undefined;
        readonly intervalMs: number | undefined;
      }
    | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  /** Of TCP connections. */
  readonly tcpIdleTimeoutMs: number | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  /** Of HTTP connections. */
  readonly httpIdleTimeoutMs: number | undefined;
  readonly h2Upgrade: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
  readonly useClientProtocol: boolean;
  readonly maxConcurrentStreams: number | undefined;
  readonly http2KeepAlive: { readonly intervalMs: number; readonly timeoutMs: number | undefined } | undefined;
}

/** When endpoints that fail are left out for a while. Undefined counts are Envoy's defaults; 0 switches one off. */
export interface OutlierDetection {
  readonly consecutive5xx: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly splitLocalErrors: boolean;
  readonly consecutiveLocalFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionMs: number | undefined;
  readonly maxEjectionPercent: Percent | undefined;
  readonly minHealthPercent: Percent | undefined;
}

/** What can be set for a port, a subset, or all of a service. Undefined: nothing is said. */
export interface PortPolicy {
  readonly tls: ClientTlsSettings | undefined;
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
}

/** How many requests may be retries at a time, by how many there are. Undefined: Envoy's defaults, 20 percent and 3. */
export interface RetryBudget {
  readonly percent: Percent | undefined;
  readonly minRetryConcurrency: number | undefined;
  /** Requests count for so long; undefined: while they are active. */
  readonly intervalMs: number | undefined;
}

/** An HTTP proxy stands where connections go, and is asked by CONNECT to pass them on. */
export interface Tunnel {
  /** What the proxy is asked for: `host:port`, an IPv6 address in brackets. */
  readonly target: string;
}

/** What can be set for all of a service or a subset, and for no single port: entries of ports leave it as it is. */
export interface WholePolicy {
  /** Tells the destination who the client is. */
  readonly proxyProtocol: 'V1' | 'V2' | undefined;
  /** Takes the place of `connectionPool.http.maxRetries`. */
  readonly retryBudget: RetryBudget | undefined;
  /** For connections that are passed on as bytes: TCP, and TLS that isn't ended. */
  readonly tunnel: Tunnel | undefined;
}

export interface TrafficPolicy extends PortPolicy, WholePolicy {
  /** By service port. An entry replaces everything else that it could say for its port (behaviour.md 4.5). */
  readonly ports: ReadonlyMap<number, PortPolicy>;
}
