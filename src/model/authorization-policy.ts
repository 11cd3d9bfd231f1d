import type { IpBlock } from './ip-block.ts';
import type { PathMatch, StringMatch } from './match.ts';
import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { TargetRef } from './target-ref.ts';

/** In the order in which they decide: CUSTOM, DENY, ALLOW. AUDIT only records (behaviour.md 1.3, Evaluation). */
export type AuthorizationAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

/** One of `values` matches, and none of `notValues` does. An empty `values` means "no positive condition". */
export interface MatchSet<T> {
  readonly values: readonly T[];
  readonly notValues: readonly T[];
}

/** Issuer and subject of a token; a value without a slash that is no pattern has an empty subject (behaviour.md 1.3). */
export interface RequestPrincipalMatch {
  readonly issuer: StringMatch;
  readonly subject: StringMatch;
}

/** A service account by its own name and its namespace's; neither is ever a pattern. */
export interface ServiceAccountRef {
  readonly namespace: string;
  readonly name: string;
}

/** A value in Envoy's dynamic metadata: itself, or a list of which one is it (`[value]`). */
export interface MetadataMatch {
  readonly match: StringMatch;
  readonly inList: boolean;
}

/** All fields hold together (AND); the values inside one field are alternatives (OR). */
export interface Source {
  readonly principals: MatchSet<StringMatch>;
  readonly requestPrincipals: MatchSet<RequestPrincipalMatch>;
  readonly namespaces: MatchSet<StringMatch>;
  readonly serviceAccounts: MatchSet<ServiceAccountRef>;
  readonly trustDomains: MatchSet<StringMatch>;
  readonly ipBlocks: MatchSet<IpBlock>;
  readonly remoteIpBlocks: MatchSet<IpBlock>;
}

export interface Operation {
  readonly hosts: MatchSet<StringMatch>;
  readonly ports: MatchSet<number>;
  readonly methods: MatchSet<StringMatch>;
  readonly paths: MatchSet<PathMatch>;
}

/** No condition at all. */
export const anyMatch: MatchSet<never> = { values: [], notValues: [] };
export const anySource: Source = {
  principals: anyMatch,
  requestPrincipals: anyMatch,
  namespaces: anyMatch,
  serviceAccounts: anyMatch,
  trustDomains: anyMatch,
  ipBlocks: anyMatch,
  remoteIpBlocks: anyMatch,
};
export const anyOperation: Operation = { hosts: anyMatch, ports: anyMatch, methods: anyMatch, paths: anyMatch };

/** One entry of `when`: an attribute, by its key in the API, and what it must be. */
export type Condition =
  | (MatchSet<StringMatch> & {
      readonly key:
        | 'source.principal'
        | 'source.namespace'
        | 'source.trustDomain'
        | 'request.auth.audiences'
        | 'request.auth.presenter'
        | 'connection.sni';
    })
  | (MatchSet<ServiceAccountRef> & { readonly key: 'source.serviceAccount' })
  | (MatchSet<IpBlock> & { readonly key: 'source.ip' | 'remote.ip' | 'destination.ip' })
  | (MatchSet<RequestPrincipalMatch> & { readonly key: 'request.auth.principal' })
  | (MatchSet<number> & { readonly key: 'destination.port' })
  /** `request.headers[Name]`; `header` in lower case. */
  | (MatchSet<StringMatch> & { readonly key: 'request.headers'; readonly header: string })
  /** `request.auth.claims[a][b]`: `claim` is the path into the token's payload. */
  | (MatchSet<StringMatch> & { readonly key: 'request.auth.claims'; readonly claim: readonly string[] })
  /** `experimental.envoy.filters.<name>[key]`: `filter` is `envoy.filters.<name>`. */
  | (MatchSet<MetadataMatch> & {
      readonly key: 'experimental.envoy.filters';
      readonly filter: string;
      readonly path: readonly string[];
    });

/** `from` entries are alternatives, `to` entries are alternatives, all of `when` holds; an empty list means "any". */
export interface AuthorizationRule {
  readonly from: readonly Source[];
  readonly to: readonly Operation[];
  readonly when: readonly Condition[];
}

export interface AuthorizationPolicy {
  readonly kind: 'AuthorizationPolicy';
  readonly meta: ObjectMeta;
  readonly selector: Selector;
  /** Gateways that the policy is attached to. With any, it holds for them alone, and for no sidecar (behaviour.md 1.0). */
  readonly targets: readonly TargetRef[];
  readonly action: AuthorizationAction;
  /** Name of an extension provider of the mesh settings; '' unless the action is CUSTOM. */
  readonly provider: string;
  /** It decides nothing; what it would decide is reported. */
  readonly dryRun: boolean;
  /** Empty: nothing matches (an ALLOW then denies everything it selects). A rule without any condition: everything matches. */
  readonly rules: readonly AuthorizationRule[];
}

/** The name of one rule in Envoy: logs, stats and `authz check` show it. `ns[foo]-policy[web]-rule[0]`. */
export function ruleName(
  policy: { readonly meta: { readonly namespace: string; readonly name: string } },
  index: number,
): string {
  return `ns[${policy.meta.namespace}]-policy[${policy.meta.name}]-rule[${index}]`;
}
