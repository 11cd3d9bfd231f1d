import type { MeshObject } from '../model/mesh-object.ts';
import { originText } from '../model/object.ts';
import { holdsFor } from '../model/policy-scope.ts';
import type { Workload } from '../model/workload.ts';
import { inNamespace, type Snapshot } from '../snapshot/snapshot.ts';
import { namespaceWide, workloadWide } from '../translate/policy/mtls.ts';
import type { DecidedBy } from './answer.ts';
import { parseRuleName } from './rule-name.ts';

/** The policy behind a rule's name in Envoy. */
export function policyOf(snapshot: Snapshot, ruleName: string): DecidedBy | undefined {
  const ref = parseRuleName(ruleName);
  if (ref === undefined) return undefined;
  const { namespace, name, rule } = ref;
  const policy = snapshot.authorizationPolicies.get(namespace)?.get(name);
  return {
    kind: 'AuthorizationPolicy',
    namespace,
    name,
    rule,
    at: policy === undefined ? '' : originText(policy.meta.origin),
  };
}

/** The objects by which a workload trusts an issuer, or any at all. */
export function trustersOf(snapshot: Snapshot, workload: Workload, issuer: string): readonly DecidedBy[] {
  const { rootNamespace } = snapshot.mesh;
  const facts = { namespace: workload.meta.namespace, labels: workload.labels };
  return [...new Set([rootNamespace, facts.namespace])]
    .flatMap((namespace) => [...inNamespace(snapshot.requestAuthentications, namespace)])
    .filter((each) => holdsFor(each, facts, rootNamespace))
    .filter(({ rules }) => issuer === '' || rules.some((rule) => rule.issuer === issuer || rule.issuer === ''))
    .map((each) => decidedBy('RequestAuthentication', each));
}

/** The object that decides the mTLS mode of a workload: the narrowest that says something; none where the mesh's default holds. */
export function mtlsOf(snapshot: Snapshot, { meta, labels }: Workload, port: number): DecidedBy | undefined {
  const { rootNamespace } = snapshot.mesh;
  const own = workloadWide(snapshot, meta.namespace, labels);
  const setting = own?.portLevelMtls.get(port) ?? 'UNSET';
  const candidates = [
    setting === 'UNSET' && (own?.mtls ?? 'UNSET') === 'UNSET' ? undefined : own,
    namespaceWide(snapshot, meta.namespace),
    namespaceWide(snapshot, rootNamespace),
  ];
  const found = candidates.find((each) => each !== undefined && (each === own || each.mtls !== 'UNSET'));
  return found && decidedBy('PeerAuthentication', found);
}

function decidedBy(kind: DecidedBy['kind'], { meta }: Pick<MeshObject, 'meta'>): DecidedBy {
  return { kind, namespace: meta.namespace, name: meta.name, at: originText(meta.origin) };
}
