import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { TargetRef } from './target-ref.ts';

/** Where the keys of an issuer come from. */
export type KeySource =
  /** Written in the policy: a JWKS document in canonical JSON, public members only. */
  | { readonly kind: 'inline'; readonly jwks: string }
  /** Fetched from this address. */
  | { readonly kind: 'remote'; readonly uri: string }
  /** Fetched from the address that the issuer's OpenID configuration names. */
  | { readonly kind: 'discovered'; readonly issuer: string }
  /** What was written can't be used: no token of this issuer is accepted. */
  | { readonly kind: 'none' };

/** One trusted issuer, and what to do with its tokens (behaviour.md 1.2). */
export interface JwtRule {
  /** Compared with `iss` as it is; '' takes any issuer whose token these keys verify. */
  readonly issuer: string;
  /** Empty: `aud` isn't looked at. */
  readonly audiences: readonly string[];
  readonly keys: KeySource;
  /** How long one fetch of keys may take, ms. */
  readonly timeoutMs: number;
  /** Where tokens are looked for; all three empty: `Authorization: Bearer` and the query parameter `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardOriginalToken: boolean;
  /** Header that gets the payload in base64url; '' for none. */
  readonly outputPayloadToHeader: string;
  /** Headers that get single claims; `claim` may be nested, `a.b.c`. */
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Claims that hold words separated by spaces, beside `scope` and `permission`. */
  readonly spaceDelimitedClaims: readonly string[];
}

/** Which tokens are believed. It refuses bad ones and demands none (behaviour.md 1.2, trap 49). */
export interface RequestAuthentication {
  readonly kind: 'RequestAuthentication';
  readonly meta: ObjectMeta;
  readonly selector: Selector;
  /** As of an AuthorizationPolicy. */
  readonly targets: readonly TargetRef[];
  readonly rules: readonly JwtRule[];
}
