import { byAge, objectKey } from '../../model/object.ts';
import type { PeerAuthentication } from '../../model/peer-authentication.ts';
import { holdsFor } from '../../model/policy-scope.ts';
import { selects, selectsAll } from '../../model/selector.ts';
import { all, type Named, type Snapshot } from '../../snapshot/snapshot.ts';
import type { Policy, ViewFacts } from './facts.ts';

/** The policies that reach the proxies of a view, by `Kind/namespace/name`. */
export interface Reached {
  readonly applied: ReadonlySet<string>;
  /** Selected, but another one holds instead. */
  readonly overridden: ReadonlySet<string>;
}

interface Answer {
  readonly readFrom: readonly unknown[];
  readonly reached: Reached;
}

/**
 * Which policies apply to which view, as the compiler decides it (behaviour.md 1.0, 1.1, 4.6, 5.2). Found once per view, and again
 * only when a policy of its namespace or of the root namespace changes, or for a router some Gateway: maps of a snapshot that didn't
 * change stay the same.
 */
export class Reach {
  readonly #answers = new WeakMap<ViewFacts, Answer>();

  of(view: ViewFacts, snapshot: Snapshot): Reached {
    const { rootNamespace } = snapshot.mesh;
    const scopes = [...new Set([rootNamespace, view.namespace])];
    const readFrom = [
      rootNamespace,
      ...(view.kind === 'router' ? [snapshot.gateways] : []),
      ...scopes.flatMap((scope) => [
        snapshot.peerAuthentications.get(scope),
        snapshot.requestAuthentications.get(scope),
        snapshot.authorizationPolicies.get(scope),
        snapshot.sidecars.get(scope),
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
  const found: Found = { applied: new Set(), overridden: new Set() };
  for (const scope of scopes) {
    for (const policy of [
      ...valuesOf(snapshot.requestAuthentications.get(scope)),
      ...valuesOf(snapshot.authorizationPolicies.get(scope)),
    ]) {
      if (holdsFor(policy, view, snapshot.mesh.rootNamespace)) found.applied.add(objectKey(policy));
    }
  }
  if (view.kind === 'router') {
    for (const gateway of all(snapshot.gateways))
      if (selects(gateway.selector, view.labels)) found.applied.add(objectKey(gateway));
  } else {
    for (const scope of scopes) reachPeers(view, snapshot, scope, found);
    reachSidecars(view, snapshot, scopes, found);
  }
  return found;
}

interface Found {
  readonly applied: Set<string>;
  readonly overridden: Set<string>;
}

function reachPeers(view: ViewFacts, snapshot: Snapshot, scope: string, { applied, overridden }: Found): void {
  const oldestOf = (policies: readonly PeerAuthentication[]): void => {
    const [oldest, ...others] = [...policies].sort(byAge);
    if (oldest !== undefined) applied.add(objectKey(oldest));
    for (const other of others) overridden.add(objectKey(other));
  };
  const peers = valuesOf(snapshot.peerAuthentications.get(scope));
  oldestOf(peers.filter(({ selector }) => selectsAll(selector)));
  // Selectors of PeerAuthentications in the root namespace are ignored.
  if (scope !== snapshot.mesh.rootNamespace) {
    oldestOf(peers.filter(({ selector }) => !selectsAll(selector) && selects(selector, view.labels)));
  }
}

/** One holds: of the namespace, with a selector before those without, each oldest first; else of the root namespace. */
function reachSidecars(
  view: ViewFacts,
  snapshot: Snapshot,
  scopes: readonly string[],
  { applied, overridden }: Found,
): void {
  const { rootNamespace } = snapshot.mesh;
  const own = valuesOf(snapshot.sidecars.get(view.namespace)).filter(({ selector }) => selects(selector, view.labels));
  const root = scopes
    .filter((scope) => scope === rootNamespace && scope !== view.namespace)
    .flatMap((scope) => valuesOf(snapshot.sidecars.get(scope)))
    .filter(({ selector }) => selectsAll(selector));
  const [holds, ...others] = [
    ...own.filter(({ selector }) => !selectsAll(selector)).sort(byAge),
    ...own.filter(({ selector }) => selectsAll(selector)).sort(byAge),
    ...root.sort(byAge),
  ];
  if (holds !== undefined) applied.add(objectKey(holds));
  for (const other of others) overridden.add(objectKey(other));
}

function valuesOf<T extends Policy>(named: Named<T> | undefined): readonly T[] {
  return named === undefined ? [] : [...named.values()];
}
