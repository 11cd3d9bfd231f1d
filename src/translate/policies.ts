import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import type { Labels } from '../model/object.ts';
import type { RequestAuthentication } from '../model/request-authentication.ts';
import type { Change } from '../snapshot/diff.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { PolicyFinder } from './policy/inbound.ts';
import { SelectorIndex } from './selector-index.ts';

/** The policies of a snapshot by what they select, kept current change by change. */
export class Policies implements PolicyFinder {
  readonly #authorization = new SelectorIndex<AuthorizationPolicy>();
  readonly #requestAuthentication = new SelectorIndex<RequestAuthentication>();

  constructor(snapshot: Snapshot) {
    for (const policy of all(snapshot.authorizationPolicies)) this.#authorization.replace(undefined, policy);
    for (const policy of all(snapshot.requestAuthentications)) this.#requestAuthentication.replace(undefined, policy);
  }

  update(changes: readonly Change[]): void {
    for (const { before, after } of changes) {
      this.#authorization.replace(ifKind(before, 'AuthorizationPolicy'), ifKind(after, 'AuthorizationPolicy'));
      this.#requestAuthentication.replace(
        ifKind(before, 'RequestAuthentication'),
        ifKind(after, 'RequestAuthentication'),
      );
    }
  }

  authorization(namespace: string, labels: Labels): readonly AuthorizationPolicy[] {
    return this.#authorization.candidates(namespace, labels);
  }

  requestAuthentication(namespace: string, labels: Labels): readonly RequestAuthentication[] {
    return this.#requestAuthentication.candidates(namespace, labels);
  }

  /** The label keys that a policy of this namespace reads. */
  *keysRead(namespace: string): Iterable<string> {
    yield* this.#authorization.keysRead(namespace);
    yield* this.#requestAuthentication.keysRead(namespace);
  }
}

type Side = Change['before'];

function ifKind<K extends NonNullable<Side>['kind']>(
  object: Side,
  kind: K,
): Extract<NonNullable<Side>, { readonly kind: K }> | undefined {
  return object !== undefined && isKind(object, kind) ? object : undefined;
}

function isKind<K extends NonNullable<Side>['kind']>(
  object: NonNullable<Side>,
  kind: K,
): object is Extract<NonNullable<Side>, { readonly kind: K }> {
  return object.kind === kind;
}
