import { any } from '@envoyproxy/protos';
import type { Mesh } from '../../model/mesh.ts';
import type { Resource } from '../../model/resource.ts';
import type { PolicyRules } from '../policy/authorization.ts';
import { rbacAllowFilter, rbacDenyFilter } from './names.ts';
import { httpRbac } from './rbac.ts';
import { resource } from './resource.ts';

/** Everything that the HTTP policy filters of a workload depend on. */
export interface HttpPolicy {
  readonly deny: readonly PolicyRules[];
  readonly allow: readonly PolicyRules[];
  readonly trust: Pick<Mesh, 'trustDomain' | 'trustDomainAliases'>;
}

/**
 * The HTTP policy filters, for discovery by name (ECDS). A slot without policies is a real resource that allows all: a
 * listener that names a filter nobody sends never becomes active.
 */
export function httpPolicyFilters({ deny, allow, trust }: HttpPolicy): readonly Resource[] {
  const filter = (name: string, action: 'DENY' | 'ALLOW', policies: readonly PolicyRules[]): Resource =>
    resource('extension', name, {
      name,
      typedConfig: any('envoy.extensions.filters.http.rbac.v3.RBAC', httpRbac(action, policies, trust)),
    });
  return [filter(rbacDenyFilter, 'DENY', deny), filter(rbacAllowFilter, 'ALLOW', allow)];
}
