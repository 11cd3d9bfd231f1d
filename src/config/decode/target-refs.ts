import type { TargetRef } from '../../model/target-ref.ts';
import type { Field, Fields } from './field.ts';
import type { Unreadable } from './peer-authentication.ts';

const maxTargets = 16;
const networkGateway = 'gateway.networking.k8s.io';
/** What a policy may be attached to (behaviour.md 1.0). */
const allowed: readonly { readonly group: string; readonly kind: string }[] = [
  { group: networkGateway, kind: 'Gateway' },
  { group: networkGateway, kind: 'GatewayClass' },
  { group: '', kind: 'Service' },
  { group: 'networking.istio.io', kind: 'ServiceEntry' },
];

/**
 * Reads `targetRef` and `targetRefs`; empty where neither names one: an empty list means as much as none, in the API. `unreadable`:
 * nobody knows whom the policy is for.
 */
export function readTargetRefs(fields: Fields): readonly TargetRef[] | Unreadable {
  const [single, list] = [fields.get('targetRef'), fields.get('targetRefs')];
  const { value, clean } = single.report.attempt(() => {
    single.refuseNull('an object');
    list.refuseNull('a list');
    const items = list.items() ?? [];
    if (items.length > maxTargets)
      list.error('too-many', `a policy takes at most ${maxTargets} targets, not ${items.length}`, 'split the policy');
    if (list.present && Array.isArray(list.value) && items.length === 0)
      list.warning(
        'empty-list',
        'a policy without targets holds for all that it selects',
        'remove it, or add a target',
      );
    if (single.written) {
      single.warning('deprecated-field', 'targetRef is deprecated', 'use targetRefs, a list');
      if (list.written) single.error('one-scope-only', 'only one of selector, targetRef and targetRefs may be set');
    }
    return [...(single.present ? [single] : []), ...items].flatMap(readTarget);
  });
  return clean ? value : 'unreadable';
}

function readTarget(item: Field): readonly TargetRef[] {
  item.refuseNull('an object');
  const fields = item.fields(['group', 'kind', 'name', 'namespace']);
  if (fields === undefined) return [];
  const group = fields.get('group').string() ?? '';
  const kind = fields.get('kind').text();
  const name = fields.get('name').text();
  if (!fields.get('kind').written) item.error('missing-field', 'kind is required', 'for example "kind: Gateway"');
  if (!fields.get('name').written) item.error('missing-field', 'name is required', 'add name');
  if ((fields.get('namespace').string() ?? '') !== '') {
    fields
      .get('namespace')
      .error('bad-target', 'a target is always in the namespace of the policy', 'remove namespace, or move the policy');
  }
  if (kind === undefined || name === undefined) return [];
  if (!allowed.some((each) => each.group === group && each.kind === kind)) {
    const names = allowed.map((each) => (each.group === '' ? each.kind : `${each.kind} of ${each.group}`)).join(', ');
    item.error(
      'bad-target',
      `a policy can't be attached to a ${kind} of group ${JSON.stringify(group)}`,
      `use ${names}`,
    );
  }
  return [{ group, kind, name }];
}
