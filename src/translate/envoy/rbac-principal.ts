import type { envoy } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type { Condition, RequestPrincipalMatch, Source } from '../../model/authorization-policy.ts';
import { expandTrustDomainNames, expandTrustDomains, type TrustDomains } from '../policy/authorization-trust-domain.ts';
import {
  addressRange,
  headerMatchers,
  namespaceMatcher,
  principalMatchers,
  serviceAccountMatchers,
  trustDomainMatchers,
} from './matcher.ts';
import { claimMatcher, textClaimMatcher } from './metadata-matcher.ts';
import { allIds, ids, type Lean, type Principal } from './rbac-lists.ts';

/**
 * One `from` entry as an Envoy principal: all its fields together, then what `when` asks of the source. Without any
 * condition it's everybody, a plaintext peer too (behaviour.md 1.3, Emitted RBAC).
 */
export function sourcePrincipal(source: Source, when: readonly Condition[], mesh: TrustDomains, lean: Lean): Principal {
  return allIds([...sourceConditions(source), ...when].flatMap((each) => conditionPrincipals(each, mesh, lean)));
}

/** The fields of a source by the attributes that they ask about, in the reference's order. */
function sourceConditions(source: Source): readonly Condition[] {
  return [
    { key: 'source.principal', ...source.principals },
    { key: 'request.auth.principal', ...source.requestPrincipals },
    { key: 'source.serviceAccount', ...source.serviceAccounts },
    { key: 'source.trustDomain', ...source.trustDomains },
    { key: 'source.namespace', ...source.namespaces },
    { key: 'remote.ip', ...source.remoteIpBlocks },
    { key: 'source.ip', ...source.ipBlocks },
  ];
}

/** A condition on the source or the request; none of the destination's, which are permissions. */
function conditionPrincipals(condition: Condition, mesh: TrustDomains, lean: Lean): readonly Principal[] {
  switch (condition.key) {
    case 'source.principal': {
      const { values, notValues } = condition;
      const expanded = {
        values: expandTrustDomains(values, mesh),
        notValues: expandTrustDomains(notValues, mesh),
      };
      return ids(expanded, lean, (match) => [together(principalMatchers(match))]);
    }
    case 'source.trustDomain': {
      const { values, notValues } = condition;
      const expanded = {
        values: expandTrustDomainNames(values, mesh),
        notValues: expandTrustDomainNames(notValues, mesh),
      };
      return ids(expanded, lean, (match) => [together(trustDomainMatchers(match))]);
    }
    case 'source.namespace':
      return ids(condition, lean, (match) => [authenticated(namespaceMatcher(match))]);
    case 'source.serviceAccount':
      return ids(condition, lean, (account) => [together(serviceAccountMatchers(account))]);
    case 'source.ip':
      return ids(condition, lean, (block) => [{ directRemoteIp: addressRange(block) }]);
    case 'remote.ip':
      return ids(condition, lean, (block) => [{ remoteIp: addressRange(block) }]);
    case 'request.auth.principal':
      return ids(condition, lean, (match) => [requestPrincipal(match)]);
    case 'request.auth.audiences':
      return ids(condition, lean, (match) => [{ metadata: textClaimMatcher('aud', match) }]);
    case 'request.auth.presenter':
      return ids(condition, lean, (match) => [{ metadata: textClaimMatcher('azp', match) }]);
    case 'request.auth.claims':
      return ids(condition, lean, (match, way) => [{ metadata: claimMatcher(condition.claim, match, way) }]);
    case 'request.headers':
      return ids(condition, lean, (match, way) =>
        headerMatchers(condition.header, match, way).map((header) => ({ header })),
      );
    case 'destination.ip':
    case 'destination.port':
    case 'connection.sni':
    case 'experimental.envoy.filters':
      return [];
    default:
      return assertNever(condition);
  }
}

function requestPrincipal({ issuer, subject }: RequestPrincipalMatch): Principal {
  return allIds([{ metadata: textClaimMatcher('iss', issuer) }, { metadata: textClaimMatcher('sub', subject) }]);
}

function together(matchers: readonly envoy.type.matcher.v3.StringMatcher[]): Principal {
  return allIds(matchers.map(authenticated));
}

function authenticated(principalName: envoy.type.matcher.v3.StringMatcher): Principal {
  return { authenticated: { principalName } };
}
