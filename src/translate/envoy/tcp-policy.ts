import { any, type envoy } from '@envoyproxy/protos';
import type { ExtensionProvider } from '../../model/extension-provider.ts';
import type { PolicyRules } from '../policy/authorization.ts';
import type { TrustDomains } from '../policy/authorization-trust-domain.ts';
import { networkExtAuthz } from './ext-authz.ts';
import { type ActionRules, type FilterAction, networkCustomMatch, networkRbac } from './rbac.ts';

type Filter = envoy.config.listener.v3.Filter;

/** What holds for connections that are no HTTP. */
export interface TcpPolicy {
  /** By provider name; only those that can be asked about a connection. */
  readonly custom: readonly { readonly provider: ExtensionProvider; readonly policies: readonly PolicyRules[] }[];
  readonly audit: ActionRules;
  readonly deny: ActionRules;
  readonly allow: ActionRules;
}

/** The network filters of policies, in order; none without policies. They stand in every chain that is no HTTP. */
export function tcpPolicyFilters(tcp: TcpPolicy, trust: TrustDomains): readonly Filter[] {
  return [
    ...tcp.custom.flatMap(({ provider, policies }) => networkAuthorizer(provider, policies, trust)),
    ...networkPolicy('AUDIT', tcp.audit, trust),
    ...networkPolicy('DENY', tcp.deny, trust),
    ...networkPolicy('ALLOW', tcp.allow, trust),
  ];
}

/** The network filter of one action; none without policies. */
function networkPolicy(action: FilterAction, rules: ActionRules, trust: TrustDomains): readonly Filter[] {
  const rbac = networkRbac(action, rules, trust);
  return rbac === undefined ? [] : [rbacFilter(rbac)];
}

/** Finds out whether an external authorizer is to be asked about the connection, and asks it. */
function networkAuthorizer(
  provider: ExtensionProvider,
  policies: readonly PolicyRules[],
  trust: TrustDomains,
): readonly Filter[] {
  return [
    rbacFilter(networkCustomMatch(policies, provider.name, trust)),
    {
      name: 'envoy.filters.network.ext_authz',
      typedConfig: any('envoy.extensions.filters.network.ext_authz.v3.ExtAuthz', networkExtAuthz(provider)),
    },
  ];
}

function rbacFilter(rbac: envoy.extensions.filters.network.rbac.v3.RBAC): Filter {
  return {
    name: 'envoy.filters.network.rbac',
    typedConfig: any('envoy.extensions.filters.network.rbac.v3.RBAC', rbac),
  };
}
