import type { Host } from './host.ts';
import type { ValueMatch } from './http-match.ts';
import type { Percent } from './traffic-policy.ts';

/** A service, a part of it, and a port of it, as a route names them. */
export interface Destination {
  /** As written, in lower case; full in an effective route. */
  readonly host: Host;
  /** '' for the whole service. */
  readonly subset: string;
  readonly port: number | undefined;
}

/** A header and its value, which may hold commands of Envoy such as `%REQ(x-a)%`. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Changes of one direction. Names are in lower case, and can be changed: no pseudo-header, no Host. */
export interface HeaderChanges {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

/** Changes of both directions, and the Host that is sent on. */
export interface HeaderPolicy {
  readonly request: HeaderChanges;
  readonly response: HeaderChanges;
  /** '' leaves it. */
  readonly host: string;
}

export const noHeaderChanges: HeaderChanges = { set: [], add: [], remove: [] };

/** Where a part of the traffic goes. */
export interface WeightedDestination {
  readonly destination: Destination;
  /** At least 1; an only one counts alone. */
  readonly weight: number;
  readonly headers: HeaderPolicy | undefined;
}

/** An answer that sends the client elsewhere; '' leaves a part of the location as it was. */
export interface Redirect {
  readonly kind: 'redirect';
  readonly path: { readonly kind: 'keep' } | { readonly kind: 'whole' | 'prefix'; readonly value: string };
  readonly authority: string;
  readonly scheme: string;
  readonly port: number | 'protocol-default' | 'request-port';
  readonly code: 301 | 302 | 303 | 307 | 308;
}

/** An answer by the proxy itself. */
export interface DirectResponse {
  readonly kind: 'direct-response';
  readonly status: number;
  readonly body: { readonly kind: 'none' } | { readonly kind: 'text' | 'base64'; readonly value: string };
}

/** What is done with a request. */
export type HttpAction =
  | { readonly kind: 'forward'; readonly destinations: readonly WeightedDestination[] }
  | Redirect
  | DirectResponse;

/** What a request is changed to before it is sent on. */
export interface Rewrite {
  readonly path:
    | { readonly kind: 'keep' }
    /** Stands for what matched: the prefix, or the whole path. */
    | { readonly kind: 'matched'; readonly value: string }
    | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string };
  /** '' leaves the Host. */
  readonly authority: string;
}

/** When a request that failed is sent again. */
export interface Retries {
  /** 0: never. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  /** Envoy's words for failures. */
  readonly on: readonly string[];
  readonly statusCodes: readonly number[];
  /** Another endpoint each time, if there is one. */
  readonly otherHosts: boolean;
  readonly backoffMs: number | undefined;
}

/** The retries of a route that says nothing of them (behaviour.md 4.3). */
export const defaultRetries: Retries = {
  attempts: 2,
  perTryTimeoutMs: undefined,
  on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'],
  statusCodes: [],
  otherHosts: true,
  backoffMs: undefined,
};

/** Faults on purpose. */
export interface Fault {
  readonly delay: { readonly ms: number; readonly percent: Percent } | undefined;
  readonly abort: { readonly kind: 'http' | 'grpc'; readonly status: number; readonly percent: Percent } | undefined;
}

/** A copy of requests, whose answers nobody sees. */
export interface Mirror {
  readonly destination: Destination;
  readonly percent: Percent;
}

/** What pages of other origins may do. */
export interface CorsPolicy {
  readonly origins: readonly ValueMatch[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposed: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly credentials: boolean | undefined;
  /** Preflights of other origins go on to the destination. */
  readonly forwardUnmatched: boolean;
}

/** What goes with an action. Undefined: nothing is said, and a root that delegates may say it. */
export interface RouteOptions {
  readonly rewrite: Rewrite | undefined;
  /** 0: no limit. */
  readonly timeoutMs: number | undefined;
  readonly retries: Retries | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[] | undefined;
  readonly cors: CorsPolicy | undefined;
  readonly headers: HeaderPolicy | undefined;
}
