import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import type { Finding } from '../../model/finding.ts';
import { isSelected } from '../../model/label-selector.ts';
import type { StringMatch } from '../../model/match.ts';
import { selectsAll } from '../../model/selector.ts';
import { suggest } from '../decode/suggest.ts';
import { lintFinding, type Policy, type World } from './world.ts';

/** Policies that reach nobody: no workload selected, or a namespace that does not exist. */
export function lintReach(world: World): readonly Finding[] {
  return [
    ...rootHidden(world),
    ...[...world.peerAuthentications, ...world.requestAuthentications, ...world.authorizationPolicies].flatMap(
      (policy) => selection(world, policy),
    ),
    ...world.authorizationPolicies.flatMap((policy) => sources(world, policy)),
  ];
}

/** Whoever narrows the mesh down must not lose what holds for all of it without a word. */
function rootHidden({ root, mesh }: World): readonly Finding[] {
  if (root === undefined || isSelected(root.meta.labels, mesh.discoverySelectors)) return [];
  const message = 'discoverySelectors leave the root namespace out: mesh-wide policies hold nowhere';
  const hint = 'give it a label that one of them selects';
  return [lintFinding('warning', 'root-not-selected', root, 'metadata.labels', message, hint)];
}

function selection(world: World, policy: Policy): readonly Finding[] {
  const { namespace } = policy.meta;
  if (world.namespaces.length === 0) return [];
  if (!world.namespaces.includes(namespace)) {
    return [
      lintFinding(
        'warning',
        'unknown-namespace',
        policy,
        'metadata.namespace',
        `namespace ${namespace} is not known`,
        didYouMean(world, namespace),
      ),
    ];
  }
  const ignored = policy.kind === 'PeerAuthentication' && namespace === world.mesh.rootNamespace;
  const attached = policy.kind !== 'PeerAuthentication' && policy.targets.length > 0;
  if (
    attached ||
    selectsAll(policy.selector) ||
    ignored ||
    world.workloads.length === 0 ||
    world.selected(policy).length > 0
  )
    return [];
  const where = namespace === world.mesh.rootNamespace ? 'in the mesh' : `in namespace ${namespace}`;
  return [
    lintFinding(
      'warning',
      'selects-nothing',
      policy,
      'spec.selector',
      `no workload ${where} has these labels`,
      'compare the selector with the labels of the pods',
    ),
  ];
}

function sources(world: World, policy: AuthorizationPolicy): readonly Finding[] {
  if (world.namespaces.length === 0) return [];
  const found: Finding[] = [];
  const check = (match: StringMatch, field: string, name: string | undefined): void => {
    if (match.kind !== 'exact' || name === undefined || world.namespaces.includes(name)) return;
    found.push(
      lintFinding(
        'warning',
        'unknown-namespace',
        policy,
        field,
        `namespace ${name} is not known: this matches nobody`,
        didYouMean(world, name),
      ),
    );
  };
  for (const [rule, { from }] of policy.rules.entries()) {
    for (const [index, { namespaces, principals }] of from.entries()) {
      const at = (name: string, item: number): string => `spec.rules[${rule}].from[${index}].source.${name}[${item}]`;
      for (const [item, match] of namespaces.values.entries()) check(match, at('namespaces', item), textOf(match));
      for (const [item, match] of namespaces.notValues.entries())
        check(match, at('notNamespaces', item), textOf(match));
      for (const [item, match] of principals.values.entries()) check(match, at('principals', item), namespaceOf(match));
      for (const [item, match] of principals.notValues.entries())
        check(match, at('notPrincipals', item), namespaceOf(match));
    }
  }
  return found;
}

function textOf(match: StringMatch): string | undefined {
  return match.kind === 'exact' ? match.value : undefined;
}

function namespaceOf(match: StringMatch): string | undefined {
  return match.kind === 'exact' ? /^[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/.exec(match.value)?.[1] : undefined;
}

function didYouMean(world: World, name: string): string {
  const likely = suggest(name, world.namespaces);
  return likely === undefined ? 'create the namespace, or correct the name' : `did you mean "${likely}"?`;
}
