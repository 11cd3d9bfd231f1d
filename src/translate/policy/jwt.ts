import { keySetId } from '../../model/key-set.ts';
import { compareText, type Labels } from '../../model/object.ts';
import { holdsFor } from '../../model/policy-scope.ts';
import type { JwtRule, RequestAuthentication } from '../../model/request-authentication.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';

/** One trusted issuer as it holds for a workload, with its keys. */
export interface JwtProvider extends Omit<JwtRule, 'keys' | 'timeoutMs'> {
  /** JWKS document; undefined while there are no keys, when every token of this issuer is refused. */
  readonly jwks: string | undefined;
}

/**
 * The issuers that a workload trusts: the rules of all policies that select it, because none overrides another, by issuer;
 * rules of one issuer by namespace, name and place in the policy (behaviour.md 1.2, Translation; pitfall 50).
 */
export function effectiveJwt(
  policies: Iterable<RequestAuthentication>,
  workload: { readonly namespace: string; readonly labels: Labels },
  { mesh, keySets }: Pick<Snapshot, 'mesh' | 'keySets'>,
): readonly JwtProvider[] {
  const selected = [...policies].filter((policy) => holdsFor(policy, workload, mesh.rootNamespace));
  selected.sort((a, b) => compareText(a.meta.namespace, b.meta.namespace) || compareText(a.meta.name, b.meta.name));
  // The sort is stable, so that rules of one issuer keep the order of their policies.
  const rules = selected.flatMap((policy) => policy.rules).sort((a, b) => compareText(a.issuer, b.issuer));
  return rules.map(({ keys, timeoutMs: _, ...rule }) => ({ ...rule, jwks: keysOf(keys, keySets) }));
}

function keysOf(keys: JwtRule['keys'], keySets: Snapshot['keySets']): string | undefined {
  if (keys.kind === 'inline') return keys.jwks;
  const id = keySetId(keys);
  return id === undefined ? undefined : keySets.get(id)?.jwks;
}
