import { clusterRules, type PolicyRule, rootRules } from '../../src/install/rbac.ts';
import type { AuditEvent } from './kube-mesh.ts';

/** One thing that a role allows, as text: `cluster get secrets cacerts`. */
export type Permission = string;

interface Role {
  readonly name: 'cluster' | 'root';
  readonly rules: readonly PolicyRule[];
}

const roles: readonly Role[] = [
  { name: 'cluster', rules: clusterRules },
  { name: 'root', rules: rootRules },
];

function resourceText(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** Everything that the roles of an installation allow. */
export function allPermissions(): readonly Permission[] {
  return roles.flatMap(({ name, rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.flatMap((verb) =>
            (resourceNames ?? ['']).map((each) => `${name} ${verb} ${resourceText(group, resource)} ${each}`.trim()),
          ),
        ),
      ),
    ),
  );
}

/** What one request needs. Who makes an object by server-side apply needs `create`, too. */
function verbsOf({ verb, responseStatus }: AuditEvent): readonly string[] {
  return verb === 'patch' && responseStatus?.code === 201 ? ['patch', 'create'] : [verb];
}

/** What of it one request made use of: in the root namespace of the Role only where the ClusterRole doesn't say it already. */
export function usedBy(event: AuditEvent, rootNamespace: string): readonly Permission[] {
  const { objectRef } = event;
  if (objectRef === undefined) return [];
  const { apiGroup = '', resource = '', subresource, namespace = '', name = '' } = objectRef;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return verbsOf(event).flatMap((verb) => {
    for (const role of roles) {
      if (role.name === 'root' && namespace !== rootNamespace) continue;
      const rule = role.rules.find(
        ({ apiGroups, resources, verbs, resourceNames }) =>
          apiGroups.includes(apiGroup) &&
          resources.includes(full) &&
          verbs.includes(verb) &&
          (resourceNames === undefined || resourceNames.includes(name)),
      );
      if (rule === undefined) continue;
      const named = rule.resourceNames === undefined ? '' : name;
      return [`${role.name} ${verb} ${resourceText(apiGroup, full)} ${named}`.trim()];
    }
    return [];
  });
}
