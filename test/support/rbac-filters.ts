import { envoy } from '@envoyproxy/protos';
import { type Facts, matchRbac } from '../../src/explain/rbac.ts';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import type { ActionRules, FilterAction } from '../../src/translate/envoy/rbac.ts';
import { effectiveAuthorization, forHttp } from '../../src/translate/policy/authorization.ts';
import { forTcp } from '../../src/translate/policy/authorization-tcp.ts';
import { left, leftFilter, type NaiveRequest } from './rbac-naive.ts';

/** What each filter of a chain is made of, in their order; the policies are those of one workload in `foo`. */
export function actionsOf(
  policies: readonly AuthorizationPolicy[],
  protocol: 'http' | 'tcp',
): readonly (readonly [action: FilterAction, rules: ActionRules])[] {
  const { audit, deny, allow } = effectiveAuthorization(policies, { namespace: 'foo', labels: {} }, 'root');
  const project = (policy: AuthorizationPolicy) => (protocol === 'http' ? forHttp(policy) : forTcp(policy).rules);
  return (
    [
      ['AUDIT', audit],
      ['DENY', deny],
      ['ALLOW', allow],
    ] as const
  ).map(([action, { enforced, dryRun }]) => [action, { enforced: enforced.map(project), dryRun: dryRun.map(project) }]);
}

/** What one RBAC filter says: no rules lets pass, ALLOW needs a match, DENY must have none, LOG never minds. */
export function passes(rules: envoy.config.rbac.v3.RBAC | undefined, facts: Facts): boolean {
  const { Action } = envoy.config.rbac.v3.RBAC;
  if (rules === undefined || rules.action === Action.LOG) return true;
  return (matchRbac(rules, facts).matched !== undefined) === (rules.action !== Action.DENY);
}

/** A request as Envoy's engine sees it, its token verified. */
export function factsOf(request: NaiveRequest): Facts {
  const { principal, claims, team } = request;
  const headers: readonly (readonly [string, string])[] = [
    [':authority', request.host],
    [':method', request.method],
    [':path', request.path],
    ...(team === undefined ? [] : [['x-team', team] as const]),
  ];
  const payload =
    claims === undefined
      ? {}
      : { ...claims, ...(typeof claims['scope'] === 'string' && { scope: claims['scope'].split(' ') }) };
  return {
    peerNames: principal === '' ? undefined : [principal],
    headers: new Map(request.protocol === 'http' ? headers : []),
    destination: { address: request.serverAddress, port: request.port },
    peerAddress: request.clientAddress,
    remoteAddress: request.forwardedFor ?? request.clientAddress,
    sni: principal === '' ? '' : request.sni,
    metadata: {
      'envoy.filters.http.jwt_authn': { payload },
      ...(request.protocol === 'http' && { [leftFilter]: left }),
    },
  };
}
