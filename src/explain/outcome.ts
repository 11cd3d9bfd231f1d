import type { JwtFailure } from './jwt.ts';
import type { Miss } from './rbac.ts';

/** What the filters of a chain decide about one request or connection, and why. */
export type Outcome =
  /** By this rule; undefined where no ALLOW policy is there to ask. */
  | { readonly kind: 'passed'; readonly rule: string | undefined }
  | { readonly kind: 'rule'; readonly rule: string }
  /** There are ALLOW policies, and none of their rules matches. */
  | { readonly kind: 'no-match'; readonly nearest: NearMiss | undefined; readonly rules: readonly string[] }
  | { readonly kind: 'token'; readonly failure: JwtFailure; readonly issuer: string }
  /** Envoy can't take it for a request: 400. */
  | { readonly kind: 'bad-request'; readonly reason: string };

/** The rule that failed the least. */
export interface NearMiss {
  readonly rule: string;
  readonly conditions: readonly Miss[];
}

/** What a dry run would do: `denied` also where an ALLOW on trial has no match. */
export interface Shadow {
  readonly action: 'ALLOW' | 'DENY';
  readonly result: 'allowed' | 'denied';
  readonly rule: string | undefined;
}

/** Everything that came up on the way. */
export interface Trail {
  readonly outcome: Outcome;
  /** External authorizers that are asked, by rule; each may still deny. */
  readonly asked: readonly { readonly rule: string; readonly authorizer: string }[];
  readonly audited: readonly string[];
  readonly shadows: readonly Shadow[];
  /** The issuer whose token was taken; '' for none. */
  readonly tokenOf: string;
}
