import type { Miss } from './rbac.ts';

/** An object that decided something, and where it is written. */
export interface DecidedBy {
  readonly kind: 'AuthorizationPolicy' | 'RequestAuthentication' | 'PeerAuthentication';
  readonly namespace: string;
  readonly name: string;
  /** Index of the rule; absent where an object has none, or all of them count. */
  readonly rule?: number;
  /** `file:line`, or the cluster; '' for an object that isn't there any more. */
  readonly at: string;
}

/** The ALLOW rule that came closest, and what kept it from allowing. */
export interface NearestMiss {
  readonly by: DecidedBy;
  readonly conditions: readonly Miss[];
}

/** What happens to a call at one kind of server. */
export interface Answer {
  /** `asked`: an external authorizer decides. */
  readonly verdict: 'allowed' | 'denied' | 'asked';
  /** Of HTTP; undefined where a connection is closed, or bytes pass. */
  readonly status: number | undefined;
  /** One line for people. */
  readonly reason: string;
  readonly decidedBy: readonly DecidedBy[];
  readonly nearest: NearestMiss | undefined;
  readonly asked: readonly { readonly authorizer: string; readonly by: DecidedBy | undefined }[];
  /** The token that was taken, and who trusts its issuer. */
  readonly token: { readonly issuer: string; readonly by: readonly DecidedBy[] } | undefined;
  readonly audited: readonly DecidedBy[];
  /** What dry runs would do instead. */
  readonly dryRun: readonly {
    readonly action: 'ALLOW' | 'DENY';
    readonly would: 'allow' | 'deny';
    readonly by: DecidedBy | undefined;
  }[];
  /** How the call arrives: `mTLS as cluster.local/ns/foo/sa/sleep`, `plaintext`. */
  readonly arrives: string;
  /** What the server's Envoy takes it for. */
  readonly speaks: 'HTTP' | 'TCP' | '';
  /** The filter chain that takes it; '' for none. */
  readonly chain: string;
  /** `httpbin-1.foo:8080`, each server of which all this is true. */
  readonly servers: readonly string[];
  /** What to know besides. */
  readonly notes: readonly string[];
}

/** The whole answer: servers that differ are told apart. */
export interface Explanation {
  readonly from: string;
  readonly to: string;
  /** `GET /x` or `TCP`. */
  readonly call: string;
  readonly answers: readonly Answer[];
}
