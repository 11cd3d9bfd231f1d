import { byAge, objectKey } from '../../model/object.ts';
import type { PeerAuthentication } from '../../model/peer-authentication.ts';
import { holdsFor } from '../../model/policy-scope.ts';
import { selects, selectsAll } from '../../model/selector.ts';
import type { Named, Snapshot } from '../../snapshot/snapshot.ts';
import type { Policy, ViewFacts } from './facts.ts';

/** The policies that reach the proxies of a view, by `Kind/namespace/name`. */
export interface Reached {
  readonly applied: ReadonlySet<string>;
  /** Selected, but an older one holds instead. */
  readonly overridden: ReadonlySet<string>;
}

const nothing: Reached = { applied: new Set(), overridden: new Set() };

interface Answer {
  readonly readFrom: readonly unknown[];
  readonly reached: Reached;
}

/**
 * Which policies apply to which view, as the compiler decides it (behaviour.md 1.0, 1.1). Found once per view, and again
 * only when a policy of its namespace or of the root namespace changes: maps of a snapshot that didn't change stay the same.
 */
export class Reach {
  readonly #answers = new WeakMap<ViewFacts, Answer>();

  of(view: ViewFacts, snapshot: Snapshot): Reached {
    if (view.kind !== 'sidecar') return nothing;
    const { rootNamespace } = snapshot.mesh;
    const scopes = [...new Set([rootNamespace, view.namespace])];
    const readFrom = [
      rootNamespace,
      ...scopes.flatMap((scope) => [
        snapshot.peerAuthentications.get(scope),
        snapshot.requestAuthentications.get(scope),
        snapshot.authorizationPolicies.get(scope),
      ]),
    ];
    const known = this.#answers.get(view);
    if (known?.readFrom.every((each, index) => each === readFrom[index]) === true) return known.reached;
    const reached = reach(view, snapshot, scopes);
    this.#answers.set(view, { readFrom, reached });
    return reached;
  }
}

function reach(view: ViewFacts, snapshot: Snapshot, scopes: readonly string[]): Reached {
  const applied = new Set<string>();
  const overridden = new Set<string>();
  const oldestOf = (policies: readonly PeerAuthentication[]): void => {
    const [oldest, ...others] = [...policies].sort(byAge);
    if (oldest !== undefined) applied.add(objectKey(oldest));
    for (const other of others) overridden.add(objectKey(other));
  };
  for (const scope of scopes) {
    const peers = valuesOf(snapshot.peerAuthentications.get(scope));
    oldestOf(peers.filter(({ selector }) => selectsAll(selector)));
    // Selectors of PeerAuthentications in the root namespace are ignored.
    if (scope !== snapshot.mesh.rootNamespace) {
      oldestOf(peers.filter(({ selector }) => !selectsAll(selector) && selects(selector, view.labels)));
    }
    for (const policy of [
      ...valuesOf(snapshot.requestAuthentications.get(scope)),
      ...valuesOf(snapshot.authorizationPolicies.get(scope)),
    ]) {
      if (holdsFor(policy, view, snapshot.mesh.rootNamespace)) applied.add(objectKey(policy));
    }
  }
  return { applied, overridden };
}

function valuesOf<T extends Policy>(named: Named<T> | undefined): readonly T[] {
  return named === undefined ? [] : [...named.values()];
}
